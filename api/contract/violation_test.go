package contract_test

import (
	"encoding/json"
	"testing"

	"github.com/certuse/cloudflare-mtls/api/contract"
)

func TestClassesHaveNames(t *testing.T) {
	t.Parallel()
	for class, want := range map[contract.Class]struct {
		name   string
		breach bool
	}{
		contract.BadRequest:  {"bad request", true},
		contract.BadResponse: {"bad response", true},
		contract.Drift:       {"drift", false},
		contract.Unchecked:   {"unchecked", false},
		contract.Outside:     {"outside", false},
		contract.Class(0):    {"Class(0)", false},
	} {
		if class.String() != want.name || class.Breach() != want.breach {
			t.Errorf("%d: %s, breach %t", int(class), class, class.Breach())
		}
	}
}

func TestViolationIsEncodedAsJSON(t *testing.T) {
	t.Parallel()
	got, err := json.Marshal(contract.Violation{
		Class: contract.Drift, Pointer: "/a~1b", Message: "undocumented field", Excerpt: "1", StatusCode: 200, RayID: "8f-TST",
	})
	const want = `{"class":"drift","pointer":"/a~1b","message":"undocumented field","excerpt":"1","status_code":200,"ray_id":"8f-TST"}`
	if err != nil || string(got) != want {
		t.Errorf("%s, %v", got, err)
	}
}

func TestViolationsComeBackFromJSON(t *testing.T) {
	t.Parallel()
	for class := contract.BadRequest; class <= contract.Outside; class++ {
		want := contract.Violation{Class: class, Pointer: "/a", Message: "m", StatusCode: 200}
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got contract.Violation
		if err := json.Unmarshal(text, &got); err != nil || got != want {
			t.Errorf("%s came back as %+v, %v", text, got, err)
		}
	}
	var got contract.Violation
	if err := json.Unmarshal([]byte(`{"class":"Class(0)"}`), &got); err == nil {
		t.Errorf("got %+v", got)
	}
}
