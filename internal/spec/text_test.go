package spec

import (
	"strings"
	"testing"
)

func TestControlCharactersAreRefusedWithTheirPlace(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		tree any
		want string // in the error; empty: none
	}{
		"plain":      {Object{"a": []any{"x\ty\r\nz", 1.0, nil, true}}, ""},
		"NUL":        {Object{"a": []any{"x", "y\x00z"}}, `/a/1: a control character in the text or name "y\x00z"`},
		"escape":     {Object{"a": Object{"b": "\x1b[31m"}}, "/a/b: "},
		"C1":         {Object{"a": "\u009b"}, "/a: "},
		"direction":  {Object{"a": "x\u202ez"}, `/a: a control character in the text or name "x\u202ez"`},
		"in a name":  {Object{"a\x07": 1.0}, `: a control character in the text or name "a\a"`},
		"at the top": {"\x7f", ": a control character"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := (&Copier{}).Copy(tt.tree, "")
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}
