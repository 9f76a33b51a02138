// Package strictjson reads JSON into the types of package generated.
//
// The text is parsed by jsontext, which refuses duplicate names, invalid UTF-8
// and nesting beyond 10,000. A name matches exactly, a value of another kind is an
// error, null is the zero value, and an unknown member is skipped after the same
// checks. Objects, and the lists and scalars in them, are read by generated
// methods: reflection made a program that imports the client a twentieth larger.
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

// Object is a type that is read from a JSON object, member by member.
type Object interface {
	// UnmarshalMember reads the value of the member called name from d. If the
	// type has no such member it reads nothing and reports false. It does not
	// keep name.
	UnmarshalMember(d *Decoder, name []byte) (known bool, err error)
}

// Decoder is where in a text the reading is. It is for one goroutine.
type Decoder struct {
	text   *jsontext.Decoder
	source bytes.Buffer
	// recent are strings that were read, in sets that follow from their bytes;
	// misses counts those that were not there. They outlive the text: the next
	// answer mostly has the same ones.
	recent [32][4]string
	misses uint
	// tolerant counts the members being read for which a misfit is no error;
	// misfits are those that were passed over, at most maxMisfits of them.
	tolerant int
	misfits  []*KindError
	// unquoted is room for the characters of a string with escapes.
	unquoted []byte
	// rewrite changes the strings that are read; nil: not at all.
	rewrite func(string) string
	// room is how many bytes the items of lists may still take.
	room int
	// passedAt is where the last misfit that was passed over ends.
	passedAt int64
}

// ErrTooMany is the error of a text whose lists need much more memory than the text.
var ErrTooMany = errors.New("the items of lists need too much memory")

// smallList is what the lists of any text may take in memory.
const smallList = 1 << 20

// maxMisfits bounds the misfits that are kept, so that an answer made of them
// cannot need much more memory than its text.
const maxMisfits = 100

// maxShared is the length of the longest string that is looked for in recent.
const maxShared = 64

// KindError is a value of a kind, or a number, that does not fit its field.
type KindError struct {
	Pointer jsontext.Pointer // place of the value
	Kind    jsontext.Kind    // what stands there
}

func (e *KindError) Error() string {
	return fmt.Sprintf("a JSON %s at %q does not fit", e.Kind, e.Pointer)
}

var decoders = sync.Pool{New: func() any {
	d := new(Decoder)
	d.text = jsontext.NewDecoder(&d.source)
	return d
}}

// seed is of this process, so that no sender can choose strings that share a set.
var seed = maphash.MakeSeed()

// Unmarshal reads text as UnmarshalTolerant does. Its error is also the first
// value that does not fit.
func Unmarshal(text []byte, v Object) error {
	misfits, err := UnmarshalTolerant(text, v, nil)
	if err == nil && len(misfits) > 0 {
		return misfits[0]
	}
	return err
}

// UnmarshalTolerant reads text, which must be one JSON object, into v, which must
// be zero. Strings do not share memory with text. It returns the values that do
// not fit their fields and were passed over, because the fields are read
// tolerantly; at most 100 of them. The error is a [*jsontext.SyntacticError], a
// [*KindError], [ErrTooMany], an error of v's own, or [io.EOF] for a text of nothing but space.
// rewrite, if not nil, is applied to every string that is read into a field.
func UnmarshalTolerant(text []byte, v Object, rewrite func(string) string) ([]*KindError, error) {
	d := decoders.Get().(*Decoder)
	d.rewrite = rewrite
	err := d.unmarshal(text, v)
	misfits := d.misfits
	d.misfits, d.tolerant, d.passedAt, d.rewrite = nil, 0, 0, nil
	d.release(len(text)) // last: another goroutine may take d at once
	return misfits, err
}

// UnmarshalLenient reads text as UnmarshalTolerant does, but v sees each of several
// members with the same name, characters that are not UTF-8 become U+FFFD, and a text
// that is no object, and a value that does not fit, are passed over.
func UnmarshalLenient(text []byte, v Object, rewrite func(string) string) error {
	d := &Decoder{tolerant: 1, rewrite: func(s string) string { return rewrite(strings.ToValidUTF8(s, "\ufffd")) }}
	d.text = jsontext.NewDecoder(&d.source, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	return d.unmarshal(text, v)
}

// Misfits returns how many values were passed over so far.
func (d *Decoder) Misfits() int { return len(d.misfits) }

// TakeMisfits returns the values that were passed over since there were n, and
// forgets them: UnmarshalTolerant does not return them.
func (d *Decoder) TakeMisfits(n int) []*KindError {
	if n == len(d.misfits) {
		return nil
	}
	taken := d.misfits[n:]
	d.misfits = d.misfits[:n:n]
	return taken
}

func (d *Decoder) unmarshal(text []byte, v Object) error {
	d.room = smallList + len(text)*3/4
	d.source = *bytes.NewBuffer(text) // which d.text has not begun to read
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

// maxPooled is the size of the longest text after which a Decoder is used again:
// the tokenizer keeps what it needed for names at any depth.
const maxPooled = 64 << 10

// release gives d back without the text.
func (d *Decoder) release(size int) {
	if size > maxPooled {
		return
	}
	d.source = bytes.Buffer{}
	d.text.Reset(&d.source)
	decoders.Put(d)
}

// PeekKind is the kind of the next value, [jsontext.KindInvalid] at an error,
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

// begin reads the beginning of an object or a list. It reports false, with an
// error or not, if the next value is null or another one; then it has read it.
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

// refuse reads the next value, so that its place is known.
func (d *Decoder) refuse() error {
	kind := d.text.PeekKind()
	if err := d.text.SkipValue(); err != nil {
		return err
	}
	return d.misfit(kind)
}

// misfit handles the value that has just been read and does not fit its field: it
// returns the error, or keeps it where the field is read tolerantly.
func (d *Decoder) misfit(kind jsontext.Kind) error {
	if d.tolerant > 0 {
		d.passedAt = d.text.InputOffset()
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

// share returns text as a string, without an allocation if it was read lately:
// most strings of an answer are there many times.
func (d *Decoder) share(text []byte) string {
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

// unquote returns the characters of a JSON string, in its memory if it has no
// escapes. Invalid ones, which only UnmarshalLenient lets pass, become U+FFFD.
func unquote(quoted jsontext.Value) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	text, _ := jsontext.AppendUnquote(nil, quoted)
	return text
}
