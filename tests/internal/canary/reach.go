package canary

import (
	"fmt"
	"reflect"
)

// reachable returns, by path, every string and byte slice that reflection reaches from
// a value, also through pointers, interfaces and unexported fields.
func reachable(v any) map[string]string {
	w := walker{found: make(map[string]string), seen: make(map[visit]bool)}
	w.walk("value", reflect.ValueOf(v))
	return w.found
}

type visit struct {
	at     uintptr
	length int
	typ    reflect.Type
}

type walker struct {
	found map[string]string
	seen  map[visit]bool
}

func (w *walker) walk(path string, v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		w.found[path] = v.String()
	case reflect.Interface:
		w.walk(path, v.Elem())
	case reflect.Pointer:
		if !v.IsNil() && w.enter(v, 1) {
			w.walk(path, v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			w.walk(path+"."+v.Type().Field(i).Name, v.Field(i))
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			w.found[path] = string(v.Bytes())
			return
		}
		if v.IsNil() || !w.enter(v, v.Len()) {
			return
		}
		w.elements(path, v)
	case reflect.Array:
		w.elements(path, v)
	case reflect.Map:
		if v.IsNil() || !w.enter(v, v.Len()) {
			return
		}
		for entry := v.MapRange(); entry.Next(); {
			w.walk(fmt.Sprintf("%s[key %v]", path, entry.Key()), entry.Key())
			w.walk(fmt.Sprintf("%s[%v]", path, entry.Key()), entry.Value())
		}
	}
}

func (w *walker) elements(path string, v reflect.Value) {
	for i := range v.Len() {
		w.walk(fmt.Sprintf("%s[%d]", path, i), v.Index(i))
	}
}

// enter returns false for a value that was visited before, so that cycles end.
func (w *walker) enter(v reflect.Value, length int) bool {
	key := visit{v.Pointer(), length, v.Type()}
	if w.seen[key] {
		return false
	}
	w.seen[key] = true
	return true
}
