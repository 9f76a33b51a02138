package sample

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Fill adds to a compact JSON text the members that the schema requires and the
// text lacks, and leaves what it has as it is. Own gives the JSON texts for
// members that are not to be made up, by places such as "/rows/*/name", where *
// is any item; one with an empty text is not added at all. Without a schema,
// nothing is required.
func Fill(schema *openapi3.Schema, text []byte, own map[string]string) ([]byte, error) {
	if schema == nil {
		return text, nil
	}
	var out bytes.Buffer
	f := filler{in: jsontext.NewDecoder(bytes.NewReader(text)), out: jsontext.NewEncoder(&out), own: own}
	if err := f.value(schema, ""); err != nil {
		return nil, fmt.Errorf("add what the schema requires: %w", err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// filler copies a text token by token, and more where more is required.
type filler struct {
	in  *jsontext.Decoder
	out *jsontext.Encoder
	own map[string]string
}

func (f filler) value(schema *openapi3.Schema, place string) error {
	kind := f.in.PeekKind()
	if kind != '{' && kind != '[' {
		value, err := f.in.ReadValue()
		if err != nil {
			return err
		}
		return f.out.WriteValue(value)
	}
	if _, err := f.token(); err != nil {
		return err
	}
	all := conjuncts(schema)
	has := make(map[string]bool)
	for f.in.PeekKind() != '}' && f.in.PeekKind() != ']' {
		name, at := "", "*"
		if kind == '{' {
			var err error
			if name, err = f.token(); err != nil {
				return err
			}
			at, has[name] = name, true
		}
		if err := f.value(member(all, name), place+"/"+at); err != nil {
			return err
		}
	}
	if kind == '{' {
		for _, name := range required(all) {
			if has[name] {
				continue
			}
			if err := f.add(name, member(all, name), place+"/"+name); err != nil {
				return err
			}
		}
	}
	_, err := f.token()
	return err
}

// token copies a token and returns the text of a string.
func (f filler) token() (string, error) {
	token, err := f.in.ReadToken()
	if err != nil {
		return "", err
	}
	text := token.String()
	return text, f.out.WriteToken(token)
}

// add writes a member that the text lacks.
func (f filler) add(name string, schema *openapi3.Schema, place string) error {
	text, isOwn := f.own[place]
	if isOwn && text == "" {
		return nil
	}
	if err := f.out.WriteToken(jsontext.String(name)); err != nil {
		return err
	}
	if isOwn {
		f.in = jsontext.NewDecoder(strings.NewReader(text))
		return f.value(schema, place)
	}
	return json.MarshalEncode(f.out, Of(schema), json.Deterministic(true))
}
