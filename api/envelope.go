package api

import (
	"bytes"
	"errors"
	"fmt"
	"mime"
	"strings"
	"time"
	"unsafe"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/certuse/cloudflare-mtls/generated"
	"github.com/certuse/cloudflare-mtls/internal/strictjson"
)

// maxNotices limits how many errors, and how many messages, of a success are kept.
const maxNotices = 100

// reply is a successful response without its result.
type reply struct {
	operation  string
	status     int
	rayID      string
	receivedAt time.Time
	attempts   int
	body       []byte

	info     *ResultInfo
	errors   []ErrorDetail
	messages []Notice
	// malformed has the JSON pointers of the members that do not fit the contract and
	// were left zero, except those in the result.
	malformed []string
	// more reports that a member or a header refers to further items.
	more bool
	// stale reports that a header marks the response as out of date.
	stale bool
}

// envelope is the part of a response that every operation shares, and its result.
// Members that decide what the response means are read strictly, all others tolerantly.
type envelope struct {
	success, hasSuccess bool
	result              result
	info                resultInfo
	hasInfo             bool
	errors, messages    []generated.ResponseInfo
	more                pageHint
}

// UnmarshalMember implements [strictjson.Object].
func (e *envelope) UnmarshalMember(d *strictjson.Decoder, name []byte) (known bool, err error) {
	switch string(name) {
	case "success":
		e.hasSuccess = d.PeekKind() != jsontext.KindNull
		return true, d.Read(&e.success)
	case "result":
		return true, e.result.read(d)
	case "result_info":
		e.hasInfo = d.PeekKind() != jsontext.KindNull
		return true, d.Read(&e.info)
	case "errors":
		if d.PeekKind() != jsontext.KindBeginArray {
			return true, d.ReadArray(nil, nil) // accepts null only
		}
		return true, strictjson.ReadFirstTolerant(d, &e.errors, maxNotices)
	case "messages":
		return true, strictjson.ReadFirstTolerant(d, &e.messages, maxNotices)
	}
	return e.more.read(d, name)
}

// resultInfo is result_info with the members that refer to further items.
type resultInfo struct {
	generated.ResultInfo
	more pageHint
}

// UnmarshalMember takes precedence over the method of the generated type.
func (i *resultInfo) UnmarshalMember(d *strictjson.Decoder, name []byte) (known bool, err error) {
	if known, err = i.ResultInfo.UnmarshalMember(d, name); known || err != nil {
		return known, err
	}
	return i.more.read(d, name)
}

// decode reads the body of a 2xx response, and the member result into result. redact,
// if not nil, is applied to every text of the body. The error is ErrNoResult,
// strictjson.ErrTooMany, or a description for ErrUnexpectedResponse.
func decode(body []byte, result result, redact func(string) string) (*reply, error) {
	result.reset()
	e := envelope{result: result}
	misfits, err := strictjson.Unmarshal(body, &e, redact)
	switch {
	case err != nil:
		return nil, describeDecoding(body, err)
	case !e.hasSuccess:
		return nil, errors.New("the body has no \"success\"")
	case !e.success:
		return nil, errors.New("success is false") // decodeFailure has the details
	case !result.present():
		return nil, ErrNoResult
	}
	r := &reply{body: body, more: bool(e.more), errors: details(e.errors), messages: notices(details(e.messages))}
	for _, misfit := range misfits {
		r.malformed = append(r.malformed, string(misfit.Pointer))
	}
	if e.hasInfo {
		r.more = r.more || bool(e.info.more)
		if r.info, err = pagingNumbers(&e.info.ResultInfo); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// details converts items of errors or messages.
func details(infos []generated.ResponseInfo) []ErrorDetail {
	var out []ErrorDetail
	for i := range infos {
		out = append(out, detail(&infos[i]))
	}
	return out
}

// detail converts an item. A code that is not an integer, or overflows int, is 0.
func detail(info *generated.ResponseInfo) ErrorDetail {
	out := ErrorDetail{Message: info.Message, DocumentationURL: info.DocumentationURL, Pointer: info.Source.Pointer}
	if code := int(info.Code); int64(code) == info.Code {
		out.Code = code
	}
	return out
}

// notices converts items of messages. They have no error_chain.
func notices(details []ErrorDetail) []Notice {
	var out []Notice
	for _, d := range details {
		out = append(out, Notice{Code: d.Code, Message: d.Message, DocumentationURL: d.DocumentationURL, Pointer: d.Pointer})
	}
	return out
}

// result reads the member "result" of a response.
type result interface {
	// reset drops the result of an earlier response.
	reset()
	read(d *strictjson.Decoder) error
	// present reports whether there was a result that is not null.
	present() bool
	// count returns the number of items.
	count() int
}

// generatedType is a pointer to a generated type T.
type generatedType[T any] interface {
	*T
	strictjson.Object
}

// object reads a result that is one object.
type object[T any, P generatedType[T]] struct {
	value     *T
	malformed []string // as in reply, with pointers that begin at the object
}

func (o *object[T, P]) reset()        { *o = object[T, P]{} }
func (o *object[T, P]) present() bool { return o.value != nil }
func (o *object[T, P]) count() int    { return 1 }

func (o *object[T, P]) read(d *strictjson.Decoder) error {
	if d.PeekKind() == jsontext.KindNull {
		return d.Read(new(jsontext.Value))
	}
	at := d.Misfits()
	o.value = new(T)
	err := d.Read(P(o.value))
	o.malformed = itemPointers(d.TakeMisfits(at), "/result")
	return err
}

// list reads a result that is a list. It converts each item when it is read, so that
// memory holds a long list only once.
type list[T, R any, P generatedType[T]] struct {
	// convert returns an item. malformed is as in object. An error makes the response
	// invalid.
	convert func(item *T, malformed []string) (R, error)
	items   []R
}

const (
	// minListMemory is the memory in bytes that a list may take even if its response is
	// small.
	minListMemory = 4 << 20
	// maxMalformed limits the pointers of malformed members in a list.
	maxMalformed = 100
)

var errNullItem = &itemError{"/result holds null instead of an object"}

func (l *list[T, R, P]) reset()        { l.items = nil }
func (l *list[T, R, P]) present() bool { return l.items != nil }
func (l *list[T, R, P]) count() int    { return len(l.items) }

func (l *list[T, R, P]) read(d *strictjson.Decoder) error {
	var item T
	return readItems(d, int(unsafe.Sizeof(*new(R))), func(room int) {
		l.items = append(make([]R, 0, room), l.items...)
	}, func() strictjson.Object {
		item = *new(T)
		return P(&item)
	}, func(malformed []string) error {
		converted, err := l.convert(&item, malformed)
		if err == nil {
			l.items = append(l.items, converted)
		}
		return err
	})
}

// readItems reads the items of a list of any type, so that little is compiled for each
// type. size is the size of a converted item in memory, grow sets the capacity of the
// list to room, next returns the value to read into, and add converts it.
func readItems(d *strictjson.Decoder, size int, grow func(room int), next func() strictjson.Object, add func(malformed []string) error) error {
	var n, capacity, room, malformed int
	return d.ReadArray(func(rest []byte) {
		count := bytes.Count(rest, []byte("{"))
		capacity = min(count, len(rest)/size) // one allocation, within the size of the body
		room = min(count, max(minListMemory, len(rest)*3/2)/size)
		grow(capacity)
	}, func() error {
		if d.PeekKind() == jsontext.KindNull {
			return errNullItem
		}
		switch {
		case d.PeekKind() != jsontext.KindBeginObject: // Read returns the error
		case n >= room:
			return strictjson.ErrTooMany
		case n == capacity: // one further allocation
			capacity = room
			grow(room)
		}
		at := d.Misfits()
		if err := d.Read(next()); err != nil {
			return err
		}
		var pointers []string
		if misfits := d.TakeMisfits(at); len(misfits) > 0 {
			misfits = misfits[:min(len(misfits), maxMalformed-malformed)]
			malformed += len(misfits)
			pointers = itemPointers(misfits, fmt.Sprintf("/result/%d", n))
		}
		if err := add(pointers); err != nil {
			return &itemError{fmt.Sprintf("/result/%d: %v", n, err)}
		}
		n++
		return nil
	})
}

// itemError is the error of a response with an invalid item.
type itemError struct{ text string }

func (e *itemError) Error() string { return e.text }

// itemPointers returns the pointers of misfits relative to the item at prefix.
func itemPointers(misfits []*strictjson.KindError, prefix string) []string {
	var out []string
	for _, misfit := range misfits {
		out = append(out, strings.TrimPrefix(string(misfit.Pointer), prefix))
	}
	return out
}

// describeDecoding returns an error with the place and kind of the fault only: the
// decoder's own errors can hold parts of the body.
func describeDecoding(body []byte, err error) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return errors.New("the body is empty")
	}
	if item, ok := errors.AsType[*itemError](err); ok {
		return item
	}
	if errors.Is(err, strictjson.ErrTooMany) {
		return strictjson.ErrTooMany
	}
	if syntactic, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		if errors.Is(syntactic, jsontext.ErrDuplicateName) { // which other parsers accept
			return fmt.Errorf("a JSON object of the body has the same name twice, at byte %d", syntactic.ByteOffset)
		}
		return fmt.Errorf("the body is not valid JSON, at byte %d", syntactic.ByteOffset)
	}
	if misfit, ok := errors.AsType[*strictjson.KindError](err); ok {
		if misfit.Pointer == "" {
			return errors.New("the body is not a JSON object")
		}
		return fmt.Errorf("a %s at %q does not fit the contract", kindName(misfit.Kind), misfit.Pointer)
	}
	return errors.New("the body does not fit the contract")
}

// isJSON reports whether a content type is application/json, text/json or one that ends
// in +json, in any case and with any parameters.
func isJSON(contentType string) bool {
	if contentType == "application/json" {
		return true
	}
	mediaType, _, _ := strings.Cut(contentType, ";")
	mediaType, _, err := mime.ParseMediaType(mediaType)
	return err == nil && (mediaType == "application/json" || strings.HasSuffix(mediaType, "+json") || mediaType == "text/json")
}

func kindName(k jsontext.Kind) string {
	switch k {
	case jsontext.KindBeginObject:
		return "JSON object"
	case jsontext.KindBeginArray:
		return "JSON array"
	default:
		return "JSON " + k.String()
	}
}
