package api

import (
	"bytes"
	"math"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
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

// lenient reads as much as can be read: nothing is decided on its word that is
// not also decided by the status.
var lenient = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

func decodeFailure(body []byte, redact func(string) string) failure {
	var top struct {
		Success  jsontext.Value `json:"success"`
		Errors   jsontext.Value `json:"errors"`
		Messages jsontext.Value `json:"messages"`
		Legacy   failureItem    `json:",embed"`
	}
	body = bytes.TrimSpace(body)
	if json.Unmarshal(body, &top, lenient) != nil {
		return failure{details: edgeText(body)}
	}
	r := failureReader{redact: redact, left: maxDetails}
	f := failure{
		details:    r.list(top.Errors, 0),
		isEnvelope: string(top.Success) == "false" && jsontext.Value(body).IsValid(),
	}
	for _, d := range (&failureReader{redact: redact, left: maxDetails}).list(top.Messages, 0) {
		f.messages = append(f.messages, Notice{Code: d.Code, Message: d.Message, DocumentationURL: d.DocumentationURL, Pointer: d.Pointer})
	}
	if len(f.details) == 0 {
		if d, ok := r.item(top.Legacy, 0); ok {
			f.details = []ErrorDetail{d}
		}
	}
	return f
}

type failureItem struct {
	Code             jsontext.Value `json:"code"`
	Message          jsontext.Value `json:"message"`
	Error            jsontext.Value `json:"error"`
	DocumentationURL jsontext.Value `json:"documentation_url"`
	Source           jsontext.Value `json:"source"`
	Chain            jsontext.Value `json:"error_chain"`
}

// failureReader turns raw members into details, at most left of them.
type failureReader struct {
	redact func(string) string
	left   int
}

func (r *failureReader) list(v jsontext.Value, depth int) []ErrorDetail {
	items := []jsontext.Value{v}
	switch v.Kind() {
	case jsontext.KindBeginArray:
		items = nil
		if json.Unmarshal(v, &items, lenient) != nil {
			return nil
		}
	case jsontext.KindBeginObject, jsontext.KindString:
	default:
		return nil
	}
	var out []ErrorDetail
	for _, raw := range items {
		if r.left == 0 {
			break
		}
		if d, ok := r.read(raw, depth); ok {
			out = append(out, d)
		}
	}
	return out
}

func (r *failureReader) read(raw jsontext.Value, depth int) (ErrorDetail, bool) {
	if raw.Kind() == jsontext.KindString {
		return r.item(failureItem{Message: raw}, depth)
	}
	var item failureItem
	if json.Unmarshal(raw, &item, lenient) != nil {
		return ErrorDetail{}, false
	}
	return r.item(item, depth)
}

func (r *failureReader) item(item failureItem, depth int) (ErrorDetail, bool) {
	if r.left == 0 {
		return ErrorDetail{}, false
	}
	r.left--
	var source struct {
		Pointer jsontext.Value `json:"pointer"`
	}
	_ = json.Unmarshal(item.Source, &source, lenient)
	d := ErrorDetail{
		Code:             toCode(item.Code),
		Message:          r.text(item.Message),
		DocumentationURL: r.text(item.DocumentationURL),
		Pointer:          r.text(source.Pointer),
	}
	if d.Message == "" {
		d.Message = r.text(item.Error)
	}
	if depth < maxChainDepth {
		d.Chain = r.list(item.Chain, depth+1)
	}
	return d, d.Code != 0 || d.Message != "" || d.DocumentationURL != "" || d.Pointer != "" || len(d.Chain) > 0
}

// text redacts before it cuts: a cut could leave the beginning of a secret.
func (r *failureReader) text(v jsontext.Value) string {
	var s string
	if v.Kind() != jsontext.KindString || json.Unmarshal(v, &s, lenient) != nil {
		return ""
	}
	return cut(r.redact(s), maxKeptText)
}

// toCode reads an integer however it is written, and 0 for anything else.
func toCode(v jsontext.Value) int {
	text := string(v)
	if v.Kind() == jsontext.KindString && json.Unmarshal(v, &text, lenient) != nil {
		return 0
	}
	text = strings.TrimSpace(text)
	if whole, err := strconv.Atoi(text); err == nil {
		return whole
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > math.MaxInt32 {
		return 0
	}
	return int(f)
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
