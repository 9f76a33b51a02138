package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
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
	var safe []byte
	for _, r := range strings.TrimSuffix(b.String(), "\n") {
		if strconv.IsPrint(r) {
			safe = utf8.AppendRune(safe, r)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			safe = fmt.Appendf(safe, `\u%04x`, unit)
		}
	}
	return safe, nil
}
