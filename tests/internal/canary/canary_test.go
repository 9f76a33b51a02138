package canary

import (
	"fmt"
	"testing"
)

type leaky struct {
	pointer *struct{ deep []any }
}

// The search must find every printed secret.
func TestSecretsAreFound(t *testing.T) {
	t.Parallel()
	hidden := &leaky{pointer: &struct{ deep []any }{[]any{1, map[string][]byte{"k": []byte("Bearer " + Token)}}}}
	found := false
	for path, text := range Reach(hidden) {
		if len(In(text)) == 1 && path == "value.pointer.deep[1][k]" {
			found = true
		}
	}
	if !found {
		t.Errorf("the token was not reached: %v", Reach(hidden))
	}
	for _, verb := range Verbs {
		text := fmt.Sprintf(verb, struct{ b []byte }{[]byte(Key)})
		if len(In(text)) != 1 {
			t.Errorf("%s: not recognised in %s", verb, text)
		}
	}
	if n := len(In(Prints(map[string]any{"a": []byte("x" + Email)})["json"])); n != 1 {
		t.Errorf("base64: %d secrets found", n)
	}
	if found := In("nothing to see"); found != nil {
		t.Errorf("found %v in a text without secrets", found)
	}
}
