package update

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// endsAfter is a context that ends after a number of calls of Err, so that a write can
// be interrupted at each step.
type endsAfter struct {
	context.Context
	left *int
}

func (c endsAfter) Err() error {
	if *c.left--; *c.left < 0 {
		return context.Canceled
	}
	return nil
}

func TestInterruptedWriteIsAtomic(t *testing.T) {
	t.Parallel()
	old := map[string]string{"a": "1", "b": "2", "c": "3"}
	wanted := map[string]string{"a": "4", "b": "5", "c": "3", "new": "6"}
	files := map[string][]byte{}
	for name, content := range wanted {
		files[name] = []byte(content)
	}
	interrupted := 0
	for steps := 0; ; steps++ {
		root := fill(t, old)
		left := steps
		err := Write(endsAfter{t.Context(), &left}, root, files)
		want := wanted
		if err != nil {
			interrupted++
			want = old
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("after %d steps: %v", steps, err)
			}
		}
		if diff := cmp.Diff(want, contents(t, root)); diff != "" {
			t.Fatalf("after %d steps (-want +got)\n%s", steps, diff)
		}
		if err == nil {
			break
		}
	}
	if interrupted < 2*3 { // before three files are staged, and before three renames
		t.Errorf("interrupted at %d places", interrupted)
	}
}
