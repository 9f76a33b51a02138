package strictjson

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"unsafe"

	"github.com/go-json-experiment/json/jsontext"
)

// Read reads a value into v, a pointer to a zero value. Null leaves it zero, also
// where no null is expected. A [jsontext.Value] gets a copy of the text, even of null.
//
// The elements of lists, maps and pointers are read likewise. Any other type (a time,
// an interface, a type with its own JSON method) is decoded by encoding/json, which
// gets only checked text, but matches names in any case.
func (d *Decoder) Read(v any) error {
	switch v := v.(type) {
	case *string, *bool, *int64, *float64: // first: looking for a method takes longer
		return d.scalar(v)
	case Object:
		return d.object(v)
	case *jsontext.Value:
		value, err := d.text.ReadValue()
		*v = value.Clone()
		return err
	case json.Unmarshaler:
		return d.standard(v)
	}
	if d.text.PeekKind() == jsontext.KindNull {
		_, err := d.text.ReadToken()
		return err
	}
	to := reflect.ValueOf(v).Elem()
	err := d.reflected(v, to)
	if d.skippedAt == d.text.InputOffset() {
		to.SetZero() // the value itself does not fit
	}
	return err
}

// reflected reads the next value, which is not null, into to. v is a pointer to to.
func (d *Decoder) reflected(v any, to reflect.Value) error {
	switch to.Kind() {
	case reflect.Pointer:
		to.Set(reflect.New(to.Type().Elem()))
		return d.Read(to.Interface())
	case reflect.Slice:
		if to.Type().Elem().Kind() == reflect.Uint8 {
			return d.standard(v) // base64
		}
		return d.ReadArray(func([]byte) { to.Set(reflect.MakeSlice(to.Type(), 0, 0)) }, func() error {
			to.Set(reflect.Append(to, reflect.Zero(to.Type().Elem())))
			return d.Read(to.Index(to.Len() - 1).Addr().Interface())
		})
	case reflect.Map:
		to.Set(reflect.MakeMap(to.Type()))
		return d.object(members{to})
	default:
		return d.standard(v)
	}
}

// ReadTolerant is Read, except that a value that does not fit, at any depth, is no
// error: its field stays zero, and Unmarshal reports it.
func (d *Decoder) ReadTolerant(v any) error {
	d.tolerant++
	err := d.Read(v)
	d.tolerant--
	return err
}

// ReadListTolerant is ReadList, except that a value that does not fit is no error: an
// item becomes zero, and a value that is no list leaves *list unchanged.
func ReadListTolerant[T any](d *Decoder, list *[]T) error {
	return ReadFirstTolerant(d, list, math.MaxInt)
}

// ReadFirstTolerant is ReadListTolerant, but keeps only the first items, up to most.
func ReadFirstTolerant[T any](d *Decoder, list *[]T, most int) error {
	d.tolerant++
	err := readList(d, list, most)
	d.tolerant--
	return err
}

// ReadList reads an array as Read does, except that null does not fit as an item. It
// allocates nothing for an empty array. The error is [ErrTooMany] if the lists that
// ReadList reads from one text need too much memory.
func ReadList[T any](d *Decoder, list *[]T) error { return readList(d, list, math.MaxInt) }

func readList[T any](d *Decoder, list *[]T, most int) error {
	var dropped T
	return d.list(most, int(unsafe.Sizeof(dropped)), func(n, room int) {
		*list = append(make([]T, 0, room), (*list)[:n]...)
	}, func(kept bool) any {
		if !kept {
			dropped = *new(T)
			return &dropped
		}
		*list = append(*list, *new(T))
		return &(*list)[len(*list)-1]
	})
}

// list reads the items of a list. It is not generic, to compile little for each type.
// size is the size of an item in memory, grow keeps the first n items in a list with the
// capacity room, and next returns the pointer to read the next item into; kept reports
// whether the list keeps the item.
func (d *Decoder) list(most, size int, grow func(n, room int), next func(kept bool) any) error {
	n, room := 0, 0
	return d.ReadArray(func([]byte) { grow(0, 0) }, func() error {
		kept := n < most
		if kept {
			if d.listRoom -= size; d.listRoom < 0 {
				return ErrTooMany
			}
			if n == max(room, 512) {
				// append would leave five times the memory of the list as garbage.
				room = n + min(n, 1+d.listRoom/size)
				grow(n, room)
			}
			n++
		}
		item := next(kept) // also for null, so that the positions are those in the text
		if d.text.PeekKind() == jsontext.KindNull {
			return d.refuse()
		}
		return d.Read(item)
	})
}

// ReadArray reads an array: it calls begin with the following text, and then item to
// read each value. For null or a value of another kind it calls neither.
func (d *Decoder) ReadArray(begin func(rest []byte), item func() error) error {
	if begun, err := d.begin(jsontext.KindBeginArray); !begun {
		return err
	}
	begin(d.text.UnreadBuffer())
	for d.text.PeekKind() != jsontext.KindEndArray {
		if err := item(); err != nil {
			return err
		}
	}
	_, err := d.text.ReadToken()
	return err
}

// members is a map whose keys are strings. If value were embedded, all methods of
// reflect.Value would be compiled again.
type members struct{ value reflect.Value }

// UnmarshalMember knows every name.
func (m members) UnmarshalMember(d *Decoder, name []byte) (known bool, err error) {
	key := reflect.ValueOf(string(name)).Convert(m.value.Type().Key())
	value := reflect.New(m.value.Type().Elem())
	if err := d.Read(value.Interface()); err != nil {
		return true, err
	}
	m.value.SetMapIndex(key, value.Elem())
	return true, nil
}

func (d *Decoder) scalar(v any) error {
	value, err := d.text.ReadValue()
	if err != nil {
		return err
	}
	fits := false
	switch kind := value.Kind(); v := v.(type) {
	case *string:
		if fits = kind == jsontext.KindString; fits {
			text := []byte(value[1 : len(value)-1])
			if bytes.IndexByte(text, '\\') >= 0 {
				d.unquoted, _ = jsontext.AppendUnquote(d.unquoted[:0], value) // invalid UTF-8: see unquote
				text = d.unquoted
			}
			*v = d.intern(text)
			if d.rewrite != nil {
				*v = d.rewrite(*v)
			}
		}
	case *bool:
		*v = kind == jsontext.KindTrue
		fits = *v || kind == jsontext.KindFalse
	case *int64:
		if fits = kind == jsontext.KindNumber; fits {
			*v, fits = ParseInt(value)
		}
	case *float64:
		if fits = kind == jsontext.KindNumber; fits {
			*v, fits = parseFloat(value)
		}
	}
	if !fits {
		reflect.ValueOf(v).Elem().SetZero()
		if value.Kind() != jsontext.KindNull {
			return d.misfit(value.Kind())
		}
	}
	return nil
}

// standard reads a value by encoding/json.
func (d *Decoder) standard(v any) error {
	value, err := d.text.ReadValue()
	if err != nil {
		return err
	}
	if json.Unmarshal(value, v) != nil {
		reflect.ValueOf(v).Elem().SetZero() // it may be partly filled
		return d.misfit(value.Kind())
	}
	return nil
}
