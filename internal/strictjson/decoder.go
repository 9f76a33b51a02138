// Package strictjson decodes JSON into the types of package generated.
//
// The text is parsed by jsontext, which refuses duplicate names, invalid UTF-8
// and nesting beyond 10,000, in unknown members too. Unknown members are skipped. Names
// match exactly. A value of another kind than its field is an error or, in a tolerant
// field, skipped. Null is the zero value. Generated methods read the objects, and the
// lists and scalars in them: by reflection, programs that import the client were
// 5 % larger.
package strictjson

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// Object is a type that is decoded from a JSON object, member by member.
type Object interface {
	// UnmarshalMember reads the value of the member called name from d. If the type
	// has no such member it reads nothing and returns false. It must not keep name.
	UnmarshalMember(d *Decoder, name []byte) (known bool, err error)
}

// Decoder reads one text. It is not safe for concurrent use.
type Decoder struct {
	text   *jsontext.Decoder
	source bytes.Buffer
	// recent caches strings, because most responses repeat the same ones. The hash of
	// a string selects its set. misses counts cache misses.
	recent [32][4]string
	misses uint

	tolerant  int                 // depth of tolerant members: their misfits are no error
	misfits   []*KindError        // skipped values that do not fit, at most maxMisfits
	unquoted  []byte              // buffer for strings with escapes
	rewrite   func(string) string // if not nil, changes the strings read into fields
	listRoom  int                 // memory in bytes left for the items of lists
	skippedAt int64               // end of the last skipped misfit
}

// ErrTooMany reports a text whose lists need more than 1 MiB plus 3/4 of its size.
var ErrTooMany = errors.New("the items of lists need too much memory")

// minListRoom is the memory in bytes that the lists of any text may take.
const minListRoom = 1 << 20

// maxMisfits limits how many misfits are recorded, because they take memory.
const maxMisfits = 100

// maxShared is the length of the longest string in recent.
const maxShared = 64

// KindError reports a value of the wrong kind, or a number that its field cannot hold.
type KindError struct {
	Pointer jsontext.Pointer // place of the value
	Kind    jsontext.Kind    // the kind found
}

func (e *KindError) Error() string {
	return fmt.Sprintf("a JSON %s at %q does not fit", e.Kind, e.Pointer)
}

var decoders = sync.Pool{New: func() any {
	d := new(Decoder)
	d.text = jsontext.NewDecoder(&d.source)
	return d
}}

// seed differs from process to process, so that no sender can choose strings that share
// a set.
var seed = maphash.MakeSeed()

// maxPooled is the size of the longest text after which a Decoder is reused: the
// tokenizer of a Decoder keeps the memory that it took for names.
const maxPooled = 64 << 10

// Unmarshal decodes text, one JSON object, into v, which must be a zero value. Strings
// do not share memory with text. It returns up to 100 values that it skipped because
// they do not fit a tolerant field. The error is a [*jsontext.SyntacticError], a
// [*KindError], [ErrTooMany], an error of v's own, or [io.EOF] for a text of white space.
// rewrite, if not nil, changes each value that is read into a Go string.
func Unmarshal(text []byte, v Object, rewrite func(string) string) ([]*KindError, error) {
	d := decoders.Get().(*Decoder)
	d.rewrite = rewrite
	err := d.unmarshal(text, v)
	misfits := d.misfits
	if len(text) <= maxPooled {
		d.misfits, d.tolerant, d.skippedAt, d.rewrite = nil, 0, 0, nil
		d.source = bytes.Buffer{}
		d.text.Reset(&d.source)
		decoders.Put(d) // last: another goroutine may take d at once
	}
	return misfits, err
}

// UnmarshalLenient decodes text like Unmarshal, but accepts duplicate names, replaces
// invalid UTF-8 by U+FFFD, and skips values that do not fit, even if the whole text is
// one. v gets all members of a duplicate name. rewrite must not be nil.
func UnmarshalLenient(text []byte, v Object, rewrite func(string) string) error {
	d := &Decoder{tolerant: 1, rewrite: func(s string) string { return rewrite(strings.ToValidUTF8(s, "\ufffd")) }}
	d.text = jsontext.NewDecoder(&d.source, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	return d.unmarshal(text, v)
}

// Misfits returns the number of misfits recorded so far, at most 100.
func (d *Decoder) Misfits() int { return len(d.misfits) }

// TakeMisfits removes and returns the recorded misfits after the first n.
func (d *Decoder) TakeMisfits(n int) []*KindError {
	if n == len(d.misfits) {
		return nil
	}
	taken := d.misfits[n:]
	d.misfits = d.misfits[:n:n]
	return taken
}

func (d *Decoder) unmarshal(text []byte, v Object) error {
	d.listRoom = minListRoom + len(text)*3/4
	d.source = *bytes.NewBuffer(text) // d.text has not begun to read
	switch d.text.PeekKind() {
	case jsontext.KindBeginObject, jsontext.KindInvalid: // reading reports what is invalid
	default:
		return d.refuse()
	}
	if err := d.object(v); err != nil {
		return err
	}
	if _, err := d.text.ReadToken(); !errors.Is(err, io.EOF) {
		if err == nil {
			err = &jsontext.SyntacticError{ByteOffset: d.text.InputOffset(), Err: errors.New("data after the value")}
		}
		return err
	}
	return nil
}

// PeekKind returns the kind of the next value; [jsontext.KindInvalid] at an error,
// which the next read returns.
func (d *Decoder) PeekKind() jsontext.Kind { return d.text.PeekKind() }

// object reads an object, or null, into v.
func (d *Decoder) object(v Object) error {
	if begun, err := d.begin(jsontext.KindBeginObject); !begun {
		return err
	}
	for d.text.PeekKind() != jsontext.KindEndObject {
		quoted, err := d.text.ReadValue()
		if err != nil {
			return err
		}
		known, err := v.UnmarshalMember(d, unquote(quoted))
		if err == nil && !known {
			err = d.text.SkipValue()
		}
		if err != nil {
			return err
		}
	}
	_, err := d.text.ReadToken()
	return err
}

// begin reads the beginning of an object or a list. It returns false after an error,
// after null, and after a value of another kind, which it skips.
func (d *Decoder) begin(kind jsontext.Kind) (bool, error) {
	switch d.text.PeekKind() {
	case kind, jsontext.KindInvalid: // reading reports what is invalid
		_, err := d.text.ReadToken()
		return err == nil, err
	case jsontext.KindNull:
		_, err := d.text.ReadToken()
		return false, err
	default:
		return false, d.refuse()
	}
}

// refuse skips the next value, which is a misfit.
func (d *Decoder) refuse() error {
	kind := d.text.PeekKind()
	if err := d.text.SkipValue(); err != nil {
		return err
	}
	return d.misfit(kind)
}

// misfit handles the last value, which does not fit its field: it returns an error,
// or records the value if the field is tolerant.
func (d *Decoder) misfit(kind jsontext.Kind) error {
	if d.tolerant > 0 {
		d.skippedAt = d.text.InputOffset()
		if len(d.misfits) == maxMisfits {
			return nil
		}
	}
	misfit := &KindError{Pointer: d.text.StackPointer(), Kind: kind}
	if d.tolerant > 0 {
		d.misfits = append(d.misfits, misfit)
		return nil
	}
	return misfit
}

// intern returns text as a string, without an allocation if it is cached.
func (d *Decoder) intern(text []byte) string {
	if len(text) > maxShared {
		return string(text)
	}
	set := &d.recent[maphash.Bytes(seed, text)%uint64(len(d.recent))]
	for _, known := range set {
		if known == string(text) {
			return known
		}
	}
	fresh := string(text)
	set[d.misses%uint(len(set))] = fresh
	d.misses++
	return fresh
}

// unquote returns the characters of a JSON string. Without escapes, they are a part of
// quoted. With escapes, invalid UTF-8 (see UnmarshalLenient) becomes U+FFFD.
func unquote(quoted jsontext.Value) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	text, _ := jsontext.AppendUnquote(nil, quoted)
	return text
}
