package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// writeJSON writes one object with all certificates and the summary.
func writeJSON(r *report) error {
	var b bytes.Buffer
	b.WriteString("{\n  \"certificates\": [")
	separator := ""
	for i := range r.records {
		line, err := marshal(r.records[i])
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%s\n    %s", separator, line)
		separator = ","
	}
	if len(r.records) > 0 {
		b.WriteString("\n  ")
	}
	line, err := marshal(r.summary)
	if err != nil {
		return err
	}
	fmt.Fprintf(&b, "],\n  \"summary\": %s\n}\n", line)
	_, err = r.out.Write(b.Bytes())
	return err
}

// writeJSONLines writes one object a line, all of them in one write.
func writeJSONLines(r *report) error {
	var b bytes.Buffer
	for i := range r.records {
		line, err := marshal(r.records[i])
		if err != nil {
			return err
		}
		b.Write(append(line, '\n'))
	}
	if b.Len() == 0 {
		return nil
	}
	_, err := r.out.Write(b.Bytes())
	return err
}

// MarshalJSON returns the fields of the certificate and its usage; for delete also
// the outcome and the reason. A kept result is returned as it was printed.
func (r record) MarshalJSON() ([]byte, error) {
	if r.line != nil {
		return r.line, nil
	}
	if r.deletion == nil {
		return json.Marshal(r.InventoryItem)
	}
	text, err := json.Marshal(r.deletion.Deletion)
	if err != nil {
		return nil, err
	}
	reason, err := json.Marshal(map[string]string{"reason": r.reason()})
	return append(append(text[:len(text)-1], ','), reason[1:]...), err
}

// marshal returns JSON that is safe to show on a terminal. It also escapes DEL, C1
// controls and bidirectional overrides, which encoding/json leaves as they are.
// Parsers read the same value.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	text := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	if isPrintable(string(text)) {
		return text, nil
	}
	safe := make([]byte, 0, len(text)+16)
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case strconv.IsPrint(r):
			safe = append(safe, text[:size]...)
		case r > 0xFFFF:
			high, low := utf16.EncodeRune(r)
			safe = fmt.Appendf(safe, `\u%04x\u%04x`, high, low)
		default:
			safe = fmt.Appendf(safe, `\u%04x`, r)
		}
		text = text[size:]
	}
	return safe, nil
}
