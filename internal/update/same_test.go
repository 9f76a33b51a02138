package update

import "testing"

func TestOnlyCommentsAndLayoutAreThesameCode(t *testing.T) {
	t.Parallel()
	const code = "package p\n\n// T is it.\ntype T struct {\n\tA int `json:\"a\"` // one\n}\n"
	tests := map[string]struct {
		other string
		want  bool
	}{
		"equal":         {code, true},
		"other comment": {"package p\n\n// T was it,\n// for long.\ntype T struct {\n\tA   int `json:\"a\"`\n}\n", true},
		"other tag":     {"package p\n\n// T is it.\ntype T struct {\n\tA int `json:\"a,omitempty\"` // one\n}\n", false},
		"other type":    {"package p\n\ntype T struct {\n\tA string `json:\"a\"`\n}\n", false},
		"more code":     {code + "\nvar X T\n", false},
		"less code":     {"package p\n", false},
		"nothing":       {"", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := sameCode([]byte(code), []byte(tt.other)); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
			if got := sameCode([]byte(tt.other), []byte(code)); got != tt.want {
				t.Errorf("the other way round: %v, want %v", got, tt.want)
			}
		})
	}
}
