package api

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// What is read here decides nothing that is not also decided by the status, or
// has been checked before; so duplicate names and invalid UTF-8 may pass.

// membersOf returns the members of a JSON object, of those with the same name
// the last. It is nil for anything else and for broken text.
func membersOf(object jsontext.Value) map[string]jsontext.Value {
	parts, ok := partsOf(object, jsontext.KindBeginObject)
	if !ok {
		return nil
	}
	members := make(map[string]jsontext.Value, len(parts)/2)
	for ; len(parts) > 0; parts = parts[2:] {
		members[textOf(parts[0])] = parts[1]
	}
	return members
}

// itemsOf returns the items of a JSON array, nil for anything else and for
// broken text.
func itemsOf(array jsontext.Value) []jsontext.Value {
	items, _ := partsOf(array, jsontext.KindBeginArray)
	return items
}

// partsOf returns the values in an array, or the names and values in an object,
// as parts of text.
func partsOf(text jsontext.Value, kind jsontext.Kind) (parts []jsontext.Value, ok bool) {
	if text.Kind() != kind {
		return nil, false
	}
	dec := lenientDecoder(text)
	_, err := dec.ReadToken()
	for err == nil && dec.PeekKind() != jsontext.KindEndObject && dec.PeekKind() != jsontext.KindEndArray {
		var value jsontext.Value
		value, err = dec.ReadValue()
		end := int(dec.InputOffset())
		parts = append(parts, text[end-len(value):end:end])
	}
	if err != nil {
		return nil, false
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, false
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, false
	}
	return parts, true
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
