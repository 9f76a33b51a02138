package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonLinesPrinter writes one object a line, each as soon as it is known.
type jsonLinesPrinter struct{ out io.Writer }

func (p *jsonLinesPrinter) print(a answer) error {
	line, err := marshal(a)
	if err != nil {
		return err
	}
	_, err = p.out.Write(append(line, '\n'))
	return err
}

func (p *jsonLinesPrinter) finish(summary) error { return nil }

// jsonPrinter writes one object with all certificates and the summary. It
// writes as answers come, so that a long audit is not held in memory.
type jsonPrinter struct {
	out     io.Writer
	started bool
}

const jsonStart = "{\n  \"certificates\": ["

func (p *jsonPrinter) print(a answer) error {
	line, err := marshal(a)
	if err != nil {
		return err
	}
	before := jsonStart
	if p.started {
		before = ","
	}
	p.started = true
	_, err = fmt.Fprintf(p.out, "%s\n    %s", before, line)
	return err
}

func (p *jsonPrinter) finish(s summary) error {
	line, err := marshal(s)
	if err != nil {
		return err
	}
	before := jsonStart
	if p.started {
		before = "\n  "
	}
	_, err = fmt.Fprintf(p.out, "%s],\n  \"summary\": %s\n}\n", before, line)
	return err
}

// marshal is JSON that is safe to show on a terminal: encoding/json leaves DEL,
// C1 controls and bidirectional overrides as they are, here they are escaped.
// The value that a parser reads is the same.
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
