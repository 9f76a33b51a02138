package api

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// What is read here decides nothing that is not also decided by the status, or
// has been checked before; so duplicate names and invalid UTF-8 may pass.

// memberNames are the members that are ever looked for. Others are not kept: a
// response may have millions of them.
var memberNames = map[string]bool{
	"success": true, "errors": true, "messages": true, "code": true, "message": true, "error": true,
	"documentation_url": true, "source": true, "pointer": true, "error_chain": true,
}

// membersOf returns the members of a JSON object, of those with the same name
// the last. It is nil for anything else and for broken text.
func membersOf(object jsontext.Value) map[string]jsontext.Value {
	members := map[string]jsontext.Value{}
	var name []byte
	ok := eachPart(object, jsontext.KindBeginObject, func(part jsontext.Value) bool {
		switch {
		case name == nil:
			name = part[1 : len(part)-1]
			if bytes.IndexByte(name, '\\') >= 0 {
				name = []byte(textOf(part))
			}
			return true
		case memberNames[string(name)]:
			members[string(name)] = part
		}
		name = nil
		return true
	})
	if !ok {
		return nil
	}
	return members
}

// eachPart calls yield for the values in an array, or for the names and values in an
// object, until it returns false. It reports false, and calls nothing, for anything
// else and for broken text. The parts share the memory of text.
func eachPart(text jsontext.Value, kind jsontext.Kind, yield func(part jsontext.Value) bool) bool {
	if text.Kind() != kind {
		return false
	}
	dec := lenientDecoder(text)
	if dec.SkipValue() != nil {
		return false
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return false
	}
	dec = lenientDecoder(text)
	_, err := dec.ReadToken()
	for err == nil && dec.PeekKind() != jsontext.KindEndObject && dec.PeekKind() != jsontext.KindEndArray {
		var value jsontext.Value
		value, err = dec.ReadValue()
		end := int(dec.InputOffset())
		if !yield(text[end-len(value) : end : end]) {
			break
		}
	}
	return true
}

func lenientDecoder(text []byte) *jsontext.Decoder {
	return jsontext.NewDecoder(bytes.NewBuffer(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// textOf is the text of a JSON string, "" for anything else.
func textOf(v jsontext.Value) string {
	if v.Kind() != jsontext.KindString {
		return ""
	}
	text, _ := jsontext.AppendUnquote(nil, v) // what is invalid has become U+FFFD
	return string(text)
}
