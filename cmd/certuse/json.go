package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
)

// writeJSON writes one object with all certificates and the summary.
func writeJSON(r *report) error {
	lines, err := marshalRecords(r)
	if err != nil {
		return err
	}
	summary, err := marshal(r.summary)
	if err != nil {
		return err
	}
	certificates := strings.Join(lines, ",\n    ")
	if len(lines) > 0 {
		certificates = "\n    " + certificates + "\n  "
	}
	_, err = fmt.Fprintf(r.out, "{\n  \"certificates\": [%s],\n  \"summary\": %s\n}\n", certificates, summary)
	return err
}

// writeJSONLines writes one object a line, all of them in one write.
func writeJSONLines(r *report) error {
	lines, err := marshalRecords(r)
	if err == nil && len(lines) > 0 {
		_, err = io.WriteString(r.out, strings.Join(lines, "\n")+"\n")
	}
	return err
}

func marshalRecords(r *report) (lines []string, err error) {
	for _, record := range r.records {
		line, err := marshal(record)
		if err != nil {
			return nil, err
		}
		lines = append(lines, line)
	}
	return lines, nil
}

// MarshalJSON returns the fields of the certificate and its usage; for delete also
// the outcome and the reason. With --resume, a result of the earlier run is returned as
// that run printed it.
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
func marshal(v any) (string, error) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "", err
	}
	var safe strings.Builder
	for _, r := range strings.TrimSuffix(b.String(), "\n") {
		if strconv.IsPrint(r) {
			safe.WriteRune(r)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			fmt.Fprintf(&safe, `\u%04x`, unit)
		}
	}
	return safe.String(), nil
}
