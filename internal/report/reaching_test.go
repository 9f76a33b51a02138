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

		listed   = "      operationId: list\n"
		groups   = "      x-api-token-group: [Write, Read]\n"
		accepted = "      x-accepted-permissions: [Read, Write]\n"
	)
	// The contract, as here, names the path and its parameter otherwise.
	overlaid := func(edits ...string) specdoc.Object {
		return contract(t, append([]string{renamed, "/things/{thing_id}", "name: id, ", "name: thing_id, "}, edits...)...)
	}
	for name, tt := range map[string]struct {
		before, after, contract []string
		want                    string
		overwritten             bool
	}{
		"the contract agrees":          {nil, []string{count, since}, []string{count, since}, "Users see no difference: the contract said so before.", false},
		"the contract disagrees":       {nil, []string{id, "schema: {type: string, maxLength: 32}"}, []string{id, "schema: {type: string, maxLength: 64}"}, "The overlays say otherwise (maxLength: 32 → 64): find out which is true.", true},
		"another type in the contract": {nil, []string{count, since}, []string{count, strings.Replace(since, "since: {type: string", "since: {type: number", 1)}, `The contract had it before, and the overlays say otherwise in part (answer 200: result[].since: type: "string" → "number"): find out which is true.`, true},
		"not in the contract":          {nil, []string{count, since}, nil, "Users see no difference: the overlays leave this place out.", false},
		"never in the contract":        {[]string{count, since}, nil, nil, "Users see no difference: the contract was without it before.", false},
		"kept by the overlays":         {[]string{count, since}, nil, []string{count, since}, `The overlays say otherwise (added: {"type":"string"}): find out which is true.`, true},
		"required to the vendor":       {nil, []string{"required: [success]", "required: [success, result]"}, nil, "The overlays say otherwise (no longer required): find out which is true.", true},
		"required, and a part differs": {nil, []string{"required: [success]", "required: [success, result]"}, []string{"required: [success]", "required: [success, result]", count, "count: {type: number}"}, "Users see no difference: the contract said so before.", false},
		"credentials kept":             {nil, []string{token, ""}, nil, "The overlays say otherwise (newly accepted: api_token): find out which is true.", true},
		"other credentials differ":     {[]string{token, ""}, nil, []string{"        - {api_email: [], api_key: []}\n", ""}, "Users see no difference: the contract said so before.", false},
		"permission dropped":           {[]string{listed, listed + groups}, nil, []string{listed, listed + accepted}, `The overlays say otherwise (permissions: nothing → ["Read","Write"]): find out which is true.`, true},
		"permissions listed":           {nil, []string{listed, listed + groups}, []string{listed, listed + groups + accepted}, "Users see no difference: the contract said so before.", false},
		"failure kept out":             {nil, []string{"        4XX:", "        5XX: {description: worse}\n        4XX:"}, nil, "Users see no difference: the overlays leave this place out.", false},
	} {
		text := contract(t, tt.after...)
		got := Reaching(Compare(contract(t, tt.before...), text), nil, text, overlaid(tt.contract...))
		if len(got) != 1 || got[0].ReachesUsers || got[0].Meaning != tt.want || got[0].Overwritten != tt.overwritten {
			t.Errorf("%s: %+v, want %s, overwritten %v", name, got, tt.want, tt.overwritten)
		}
		want := Documentation
		if tt.overwritten {
			want = Breaking
		}
		if r := (Report{Published: got}); r.Classify() != want {
			t.Errorf("%s: class %v, want %v", name, r.Classify(), want)
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
	if got := Reaching(published, narrower, text, text); len(got) != 1 || got[0].ReachesUsers || !got[0].Overwritten || !strings.HasPrefix(got[0].Meaning, "Users see another difference") {
		t.Errorf("another change of the place: %+v", got)
	}
	for _, c := range Unjudged(published) {
		if !c.ReachesUsers || c.Meaning != published[0].Meaning {
			t.Errorf("nobody knows: %+v", c)
		}
	}
}
