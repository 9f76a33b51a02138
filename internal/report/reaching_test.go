package report

import (
	"strings"
	"testing"

	"github.com/certuse/cloudflare-mtls/internal/specdoc"
)

// Why users see nothing of a change differs: a reader who trusts an overlay has
// to be told when it is the vendor who says otherwise now.
func TestHiddenChangesSayWhyTheyAreHidden(t *testing.T) {
	t.Parallel()
	const (
		since   = count + "\n                        since: {type: string}"
		renamed = "/things/{id}"
	)
	// The contract, as here, names the path and its parameter otherwise.
	overlaid := func(edits ...string) specdoc.Object {
		return contract(t, append([]string{renamed, "/things/{thing_id}", "name: id, ", "name: thing_id, "}, edits...)...)
	}
	for name, tt := range map[string]struct {
		before, after, contract []string
		want                    string
	}{
		"the contract agrees":          {nil, []string{count, since}, []string{count, since}, "the contract said so before."},
		"the contract disagrees":       {nil, []string{id, "schema: {type: string, maxLength: 32}"}, []string{id, "schema: {type: string, maxLength: 64}"}, "the overlays say otherwise (maxLength: 32 → 64)."},
		"another type in the contract": {nil, []string{count, since}, []string{count, strings.Replace(since, "since: {type: string", "since: {type: number", 1)}, `the contract had it before, and the overlays say otherwise in part (answer 200: result[].since: type: "string" → "number").`},
		"not in the contract":          {nil, []string{count, since}, nil, "the overlays leave this place out."},
		"never in the contract":        {[]string{count, since}, nil, nil, "the contract was without it before."},
		"kept by the overlays":         {[]string{count, since}, nil, []string{count, since}, `the overlays say otherwise (added: {"type":"string"}).`},
		"required to the vendor":       {nil, []string{"required: [success]", "required: [success, result]"}, nil, "the overlays say otherwise (no longer required)."},
		"required, and a part differs": {nil, []string{"required: [success]", "required: [success, result]"}, []string{"required: [success]", "required: [success, result]", count, "count: {type: number}"}, "the contract said so before."},
		"credentials kept":             {nil, []string{token, ""}, nil, "the overlays say otherwise (newly accepted: api_token)."},
		"other credentials differ":     {[]string{token, ""}, nil, []string{"        - {api_email: [], api_key: []}\n", ""}, "the contract said so before."},
		"failure kept out":             {nil, []string{"        4XX:", "        5XX: {description: worse}\n        4XX:"}, nil, "the overlays leave this place out."},
	} {
		text := contract(t, tt.after...)
		got := Reaching(Compare(contract(t, tt.before...), text), nil, text, overlaid(tt.contract...))
		if len(got) != 1 || got[0].ReachesUsers || got[0].Meaning != "Users see no difference: "+tt.want {
			t.Errorf("%s: %+v, want %s", name, got, tt.want)
		}
	}
}

func TestChangesOfTheContractReachUsers(t *testing.T) {
	t.Parallel()
	before, text := contract(t), contract(t, id, "schema: {type: string, maxLength: 64}")
	published := Compare(before, text)
	if got := Reaching(published, published, text, text); len(got) != 1 || !got[0].ReachesUsers || got[0].Meaning != published[0].Meaning {
		t.Errorf("the same change: %+v", got)
	}
	narrower := Compare(before, contract(t, id, "schema: {type: string, maxLength: 20}"))
	if got := Reaching(published, narrower, text, text); len(got) != 1 || got[0].ReachesUsers || !strings.HasPrefix(got[0].Meaning, "Users see another difference") {
		t.Errorf("another change of the place: %+v", got)
	}
	for _, c := range Unjudged(published) {
		if !c.ReachesUsers || c.Meaning != published[0].Meaning {
			t.Errorf("nobody knows: %+v", c)
		}
	}
}
