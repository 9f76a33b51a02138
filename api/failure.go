package api

import (
	"bytes"
	"cmp"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/certuse/cloudflare-mtls/generated"
	"github.com/certuse/cloudflare-mtls/internal/strictjson"
)

// Limits of the errors, and of the messages, of a failure that are kept.
const (
	maxDetails    = 32 // including those in chains
	maxChainDepth = 8
)

// failure is the decoded body of a failed response.
type failure struct {
	details  []ErrorDetail
	messages []Notice
	// refused reports that the body has success false; isEnvelope that it is also strict
	// JSON.
	refused, isEnvelope bool
}

// decodeFailure reads any body of a failure. The known forms are, each with its origin:
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
//	    vendor documentation of the 1xxx and 5xx errors
func decodeFailure(body []byte, redact func(string) string) failure {
	body = bytes.TrimSpace(body)
	leftErrors, leftMessages := maxDetails, maxDetails
	b := failureBody{
		failureItem: failureItem{chain: failureList{remaining: &leftErrors, depth: 1}},
		errors:      failureList{remaining: &leftErrors},
		messages:    failureList{remaining: &leftMessages},
	}
	// Redact before cutting: a cut could leave the beginning of a secret.
	err := strictjson.UnmarshalLenient(body, &b, func(s string) string { return truncate(redact(s), maxKeptText) })
	if err != nil {
		return failure{details: edgeText(body)}
	}
	f := failure{details: b.errors.items, messages: notices(b.messages.items), refused: b.refused}
	f.isEnvelope = f.refused && jsontext.Value(body).IsValid()
	if d, ok := b.detail(); ok && len(f.details) == 0 {
		f.details = []ErrorDetail{d}
	}
	return f
}

// failureBody is the whole body. In the legacy form, it is an item itself.
type failureBody struct {
	failureItem
	refused          bool
	errors, messages failureList
}

func (b *failureBody) UnmarshalMember(d *strictjson.Decoder, name []byte) (known bool, err error) {
	switch string(name) {
	case "success":
		b.refused = d.PeekKind() == jsontext.KindFalse
		return false, nil
	case "errors":
		return true, b.errors.read(d)
	case "messages":
		return true, b.messages.read(d)
	}
	return b.failureItem.UnmarshalMember(d, name)
}

// failureItem is an error or a message.
type failureItem struct {
	generated.ResponseInfo
	legacyMessage string
	chain         failureList
}

func (i *failureItem) UnmarshalMember(d *strictjson.Decoder, name []byte) (known bool, err error) {
	switch string(name) {
	case "code":
		if d.PeekKind() != jsontext.KindString {
			break
		}
		var text string
		err = d.Read(&text)
		i.Code, _ = strictjson.ParseInt([]byte(strings.TrimSpace(text)))
		return true, err
	case "error":
		return true, d.Read(&i.legacyMessage)
	case "error_chain":
		return true, i.chain.read(d)
	}
	return i.ResponseInfo.UnmarshalMember(d, name)
}

// detail returns the item, and false if it is empty.
func (i *failureItem) detail() (ErrorDetail, bool) {
	d := detail(&i.ResponseInfo)
	d.Message, d.Chain = cmp.Or(d.Message, i.legacyMessage), i.chain.items
	return d, d.Code != 0 || d.Message != "" || d.DocumentationURL != "" || d.Pointer != "" || len(d.Chain) > 0
}

// failureList is a list of items, or one item.
type failureList struct {
	items     []ErrorDetail
	remaining *int // how many more items to read, including those of chains
	depth     int
}

func (l *failureList) read(d *strictjson.Decoder) error {
	l.items = nil // the last of several members with one name applies
	if d.PeekKind() != jsontext.KindBeginArray {
		return l.readItem(d)
	}
	return d.ReadArray(func([]byte) {}, func() error { return l.readItem(d) })
}

func (l *failureList) readItem(d *strictjson.Decoder) (err error) {
	kind := d.PeekKind()
	if *l.remaining == 0 || l.depth > maxChainDepth || kind != jsontext.KindString && kind != jsontext.KindBeginObject {
		return d.Read(ignored{})
	}
	*l.remaining--
	i := failureItem{chain: failureList{remaining: l.remaining, depth: l.depth + 1}}
	if kind == jsontext.KindString {
		err = d.Read(&i.Message)
	} else {
		err = d.Read(&i)
	}
	if d, ok := i.detail(); ok {
		l.items = append(l.items, d)
	}
	return err
}

// ignored reads and drops a value.
type ignored struct{}

func (ignored) UnmarshalMember(*strictjson.Decoder, []byte) (known bool, err error) {
	return false, nil
}

// edgeText reads the one-line text of the vendor's edge.
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
