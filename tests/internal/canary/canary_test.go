package canary

import (
	"fmt"
	"testing"
)

type nestedSecret struct {
	pointer *struct{ deep []any }
}

// A secret is found in memory that reflection reaches, in the output of every verb, and
// in Base64.
func TestSecretsAreFound(t *testing.T) {
	t.Parallel()
	hidden := &nestedSecret{pointer: &struct{ deep []any }{[]any{1, map[string][]byte{"k": []byte("Bearer " + Token)}}}}
	found := false
	for path, text := range reachable(hidden) {
		if len(Secrets(text)) == 1 && path == "value.pointer.deep[1][k]" {
			found = true
		}
	}
	if !found {
		t.Errorf("the token was not reached: %v", reachable(hidden))
	}
	for _, verb := range verbs {
		text := fmt.Sprintf(verb, struct{ b []byte }{[]byte(Key)})
		if len(Secrets(text)) != 1 {
			t.Errorf("%s: not recognised in %s", verb, text)
		}
	}
	if n := len(Secrets(prints(map[string]any{"a": []byte("x" + Email)})["json"])); n != 1 {
		t.Errorf("base64: %d secrets found", n)
	}
	if found := Secrets("nothing to see"); found != nil {
		t.Errorf("found %v in a text without secrets", found)
	}
}

func TestEveryKeyOfAMapIsReached(t *testing.T) {
	t.Parallel()
	var found []string
	for _, text := range reachable(map[string]bool{Token: true, Key: true, Email: true}) {
		found = append(found, Secrets(text)...)
	}
	if len(found) != 3 {
		t.Errorf("found %v, want 3 secrets", found)
	}
}
