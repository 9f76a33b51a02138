package api

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/certuse/cloudflare-mtls/internal/strictjson"
)

// The bodies that come with failures, as far as they are known, and what makes
// this decoder read them. None of them may make it fail.
//
//	{"success":false,"errors":[{"code","message","documentation_url","source":{"pointer"}}],…}
//	    the published contract and docs page
//	errors[].error_chain, of the same shape
//	    public reports about codes 6003 and 6111
//	errors missing, null or a single object; messages of plain strings
//	    public reports
//	code as a string or with a fraction of zero
//	    the docs page says number, and public reports show strings
//	{"code":6003,"message":…,"error_chain":[…]}, also with "error" as text
//	    the legacy form, public reports
//	anything else: HTML pages of the edge (502, 520–530), "error code: 1015" as
//	text, an empty body
//	    vendor documentation of the 1xxx and 5xx errors; status and headers count
const (
	maxDetails    = 32
	maxChainDepth = 8
)

// failure is what a failed answer said.
type failure struct {
	details  []ErrorDetail
	messages []Notice
	// isEnvelope: the body is the API's failure envelope.
	isEnvelope bool
}

func decodeFailure(body []byte, redact func(string) string) failure {
	body = bytes.TrimSpace(body)
	top := membersOf(body)
	if top == nil {
		return failure{details: edgeText(body)}
	}
	r := failureReader{redact: redact, left: maxDetails}
	f := failure{
		details:    r.list(top["errors"], 0),
		isEnvelope: string(top["success"]) == "false" && jsontext.Value(body).IsValid(),
	}
	for _, d := range (&failureReader{redact: redact, left: maxDetails}).list(top["messages"], 0) {
		f.messages = append(f.messages, Notice{Code: d.Code, Message: d.Message, DocumentationURL: d.DocumentationURL, Pointer: d.Pointer})
	}
	if len(f.details) == 0 {
		if d, ok := r.item(top, 0); ok {
			f.details = []ErrorDetail{d}
		}
	}
	return f
}

// failureReader turns raw members into details, at most left of them.
type failureReader struct {
	redact func(string) string
	left   int
}

func (r *failureReader) list(v jsontext.Value, depth int) []ErrorDetail {
	var out []ErrorDetail
	add := func(raw jsontext.Value) bool {
		if d, ok := r.read(raw, depth); ok {
			out = append(out, d)
		}
		return r.left > 0
	}
	if v.Kind() != jsontext.KindBeginArray {
		add(v)
		return out
	}
	eachPart(v, jsontext.KindBeginArray, add)
	return out
}

func (r *failureReader) read(raw jsontext.Value, depth int) (ErrorDetail, bool) {
	switch raw.Kind() {
	case jsontext.KindString:
		return r.item(map[string]jsontext.Value{"message": raw}, depth)
	case jsontext.KindBeginObject:
		return r.item(membersOf(raw), depth)
	default:
		return ErrorDetail{}, false
	}
}

func (r *failureReader) item(item map[string]jsontext.Value, depth int) (ErrorDetail, bool) {
	if r.left == 0 {
		return ErrorDetail{}, false
	}
	r.left--
	d := ErrorDetail{
		Code:             toCode(item["code"]),
		Message:          r.text(item["message"]),
		DocumentationURL: r.text(item["documentation_url"]),
		Pointer:          r.text(membersOf(item["source"])["pointer"]),
	}
	if d.Message == "" {
		d.Message = r.text(item["error"])
	}
	if depth < maxChainDepth {
		d.Chain = r.list(item["error_chain"], depth+1)
	}
	return d, d.Code != 0 || d.Message != "" || d.DocumentationURL != "" || d.Pointer != "" || len(d.Chain) > 0
}

// text redacts before it cuts: a cut could leave the beginning of a secret.
func (r *failureReader) text(v jsontext.Value) string {
	return cut(r.redact(textOf(v)), maxKeptText)
}

// toCode reads an integer however it is written, and 0 for anything else.
func toCode(v jsontext.Value) int {
	text := string(v)
	if v.Kind() == jsontext.KindString {
		text = textOf(v)
	}
	whole, ok := strictjson.ParseInt([]byte(strings.TrimSpace(text)))
	if !ok || int64(int(whole)) != whole {
		return 0
	}
	return int(whole)
}

// edgeText reads the one line that the vendor's edge sends to programs.
func edgeText(body []byte) []ErrorDetail {
	rest, ok := strings.CutPrefix(string(body[:min(len(body), 64)]), "error code: ")
	if !ok {
		return nil
	}
	code, err := strconv.ParseUint(strings.TrimSpace(rest), 10, 16)
	if err != nil {
		return nil
	}
	return []ErrorDetail{{Code: int(code), Message: "error code: " + strconv.FormatUint(code, 10)}}
}

// The following functions parse leniently, with duplicate names and invalid UTF-8,
// because their values are informational or have been checked before.

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
