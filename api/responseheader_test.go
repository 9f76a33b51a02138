package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/certuse/cloudflare-mtls/api"
)

// withHeader returns a response with the body and the given lines of one header.
func withHeader(body, name string, lines ...string) *http.Response {
	resp := response(200, body)
	resp.Header[name] = lines
	return resp
}

func TestLinkToTheNextPageMeansTruncated(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lines     []string
		truncated bool
	}{
		"next":                            {[]string{`<https://api.cloudflare.com/x?page=2>; rel="next"`}, true},
		"next, as a token":                {[]string{`</x>; rel=next`}, true},
		"next, in capitals":               {[]string{`</x>; REL = "NEXT"`}, true},
		"next, with an escape":            {[]string{`</x>; rel="n\ext"`}, true},
		"next among other relations":      {[]string{`</x>; rel="last next"; title=t`}, true},
		"next in a second rel":            {[]string{`</x>; rel=prev; rel=next`}, true},
		"next in the second link":         {[]string{`</x?a=1>; rel="prev", </x;rel=prev,y>; title="t";  REL = "Next"`}, true},
		"next in the second line":         {[]string{`</x>; rel="prev"`, `</x>; rel="next"`}, true},
		"next after empty items":          {[]string{` ,, </x> ; rel="next" ,`}, true},
		"next without a space":            {[]string{`</x>;rel="prev",</y>;rel="next"`}, true},
		"next after a title with <":       {[]string{`<https://api.cloudflare.com/x?page=2>; title="page < 3"; rel="next"`}, true},
		"next after a title with >":       {[]string{`</x>; title="> page"; rel="next"`}, true},
		"next after a title with ,":       {[]string{`</x>; title="a, b; c"; rel="next"`}, true},
		"next after a title with a quote": {[]string{`</x>; title="\"a\\"; rel="next"`}, true},
		"next after a name alone":         {[]string{`</x>; crossorigin; rel="next"`}, true},
		"next after an encoded title":     {[]string{`</x>; title*=UTF-8''%e2%82%ac; rel="next"`}, true},
		"next with an empty target":       {[]string{`<>; rel=next`}, true},
		"previous":                        {[]string{`</x>; rel="prev"`}, false},
		"next in the target":              {[]string{`</x;rel=next,y>; rel="self"`}, false},
		"next in the title":               {[]string{`</x>; title="</y>; rel=next"; rel="self"`}, false},
		"next in an escaped title":        {[]string{`</x>; title="\"; rel=next; a=\""; rel="self"`}, false},
		"another word with next":          {[]string{`</x>; rel="nextish"`}, false},
		"an anchor called next":           {[]string{`</x>; anchor="next"`}, false},
		"self with an encoded title":      {[]string{`</x>; title*=UTF-8''a; rel=self`}, false},
		"self with spaces":                {[]string{`</x>; rel = self`}, false},
		"a link without parameters":       {[]string{`</x>`}, false},
		"a relation without a value":      {[]string{`</x>; rel`}, false},
		"several other relations":         {[]string{`</a.css>; rel=preload; as=style, </b>; rel="prev first"`, `</c>; rel=last`}, false},
		"nothing but commas":              {[]string{`, ,`}, false},
		"an empty header":                 {[]string{``}, false},
		// A header that cannot be parsed may hide a next page.
		"separators":                   {[]string{`<<<<;;,,==rel`}, true},
		"an open target":               {[]string{`</x`}, true},
		"no target":                    {[]string{`rel="self"`}, true},
		"a target in a target":         {[]string{`</x; rel=self, </y>; rel="self"`}, true},
		"a space in the target":        {[]string{`</x y>; rel="self"`}, true},
		"an open string":               {[]string{`</x>; rel="self`}, true},
		"an open escape":               {[]string{`</x>; rel="self\`}, true},
		"an empty parameter":           {[]string{`</x>; ; rel="self"`}, true},
		"a value that is no token":     {[]string{`</x>; rel=/self`}, true},
		"a value that is missing":      {[]string{`</x>; rel=`}, true},
		"text behind a string":         {[]string{`</x>; rel="self" title=a`}, true},
		"text behind the target":       {[]string{`</x> rel="self"`}, true},
		"no target, but a semicolon":   {[]string{`; rel="self"`}, true},
		"a < in the target":            {[]string{`</x<y>; rel="self"`}, true},
		"a control character":          {[]string{"\x02; rel=self"}, true},
		"a valid line, an invalid one": {[]string{`</x>; rel="self"`, `x`}, true},
	} {
		for result, want := range map[string]api.Usage{`[]`: api.Unused, oneRow: api.InUse} {
			list, err := associationsOf(t, withHeader(`{"success":true,"result":`+result+`}`, "Link", c.lines...))
			if err != nil {
				t.Fatal(err)
			}
			if c.truncated && want == api.Unused {
				want = api.UsageUnknown
			}
			if list.Truncated != c.truncated || list.Usage() != want {
				t.Errorf("%s, %s: truncated %v, %v", name, result, list.Truncated, list.Usage())
			}
		}
	}
}

// FuzzLink puts random text into the target and the title of a link. The text must not
// change whether there is a next page. If the text is the whole header and cannot be a
// link, the list must be truncated.
func FuzzLink(f *testing.F) {
	for _, s := range []string{"", "page < 3", `"`, `\`, `>; rel="self"`, `, </x>; rel=prev`, "é\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		target := strings.NewReplacer("<", "%3C", ">", "%3E", `"`, "%22", " ", "+", "\t", "+").Replace(text)
		title := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text)
		for rel, truncated := range map[string]bool{"next": true, "prev": false} {
			line := `<` + target + `>; title="` + title + `"; rel=` + rel + `; title="` + title + `"`
			for _, line := range []string{line, `</a>; rel=self, ` + line, line + `,</a>;rel=self`} {
				list, err := associationsOf(t, withHeader(emptyBody, "Link", line))
				if err != nil || list.Truncated != truncated {
					t.Errorf("%q: %+v, %v", line, list, err)
				}
			}
		}
		list, err := associationsOf(t, withHeader(emptyBody, "Link", text))
		if err != nil {
			t.Fatal(err)
		}
		if list.Usage() == api.Unused && strings.Trim(text, ", \t") != "" && !strings.Contains(text, ">") {
			t.Errorf("%q is no link, but the list is complete", text)
		}
	})
}

func TestStaleAndPartialResponsesNeverProveUnused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		header           string
		lines            []string
		stale, truncated bool
	}{
		"age 0":                          {"Age", []string{"0"}, false, false},
		"age 0, in two digits":           {"Age", []string{" 00 "}, false, false},
		"age 1":                          {"Age", []string{"1"}, true, false},
		"age 100":                        {"Age", []string{"100"}, true, false},
		"age beyond any integer":         {"Age", []string{"99999999999999999999999"}, true, false},
		"age in the second line":         {"Age", []string{"0", "7"}, true, false},
		"age in a list":                  {"Age", []string{"0, 7"}, true, false},
		"an empty age":                   {"Age", []string{""}, true, false},
		"a negative age":                 {"Age", []string{"-1"}, true, false},
		"a fraction of an age":           {"Age", []string{"0.9"}, true, false},
		"an age that is text":            {"Age", []string{"old"}, true, false},
		"warning 110":                    {"Warning", []string{`110 - "Response is Stale"`}, true, false},
		"warning 111":                    {"Warning", []string{`111 cache.example:80 "Revalidation Failed"`}, true, false},
		"warning 112":                    {"Warning", []string{`112 [::1]:80 "cut off" "Sat, 25 Aug 2012 23:34:45 GMT"`}, true, false},
		"warning 113":                    {"Warning", []string{`113 - "Heuristic Expiration"`}, true, false},
		"warning 114":                    {"Warning", []string{`114 - "?"`}, false, false},
		"warning 199":                    {"Warning", []string{`199 - "110 \", 110 - \"miscellaneous\""`}, false, false},
		"warning 299 with a date":        {"Warning", []string{`299 - "Deprecated API" "Sat, 25 Aug 2012 23:34:45 GMT"`}, false, false},
		"warning 110 after another":      {"Warning", []string{`299 - "a, b" "Sat, 25 Aug 2012 23:34:45 GMT" , 110 - "x"`}, true, false},
		"warning 110 in the second line": {"Warning", []string{`299 - "a"`, `110 - "x"`}, true, false},
		"an empty warning":               {"Warning", []string{``, ` ,`}, false, false},
		"a warning that is text":         {"Warning", []string{`old`}, true, false},
		"a warning without a code":       {"Warning", []string{`- "old"`}, true, false},
		"a warning without a text":       {"Warning", []string{`299 -`}, true, false},
		"a warning without a cache":      {"Warning", []string{`299 "old"`}, true, false},
		"a code of four digits":          {"Warning", []string{`1110 - "old"`}, true, false},
		"a code with a letter":           {"Warning", []string{`1l0 - "old"`}, true, false},
		"an open text":                   {"Warning", []string{`299 - "old`}, true, false},
		"text behind a warning":          {"Warning", []string{`299 - "a" 110`}, true, false},
		"a text in place of a cache":     {"Warning", []string{`299 "cache" "a"`}, true, false},
		"a link in place of a cache":     {"Warning", []string{`299 <cache> "a"`}, true, false},
		"a warning with tabs":            {"Warning", []string{"299\t-\t\"a\""}, false, false},
		"a control character":            {"Warning", []string{"299 - \x01"}, true, false},
		"a text that is not quoted":      {"Warning", []string{`299 - a "b"`}, true, false},
		"three texts":                    {"Warning", []string{`299 - "a" "b" "c"`}, true, false},
		"a hit":                          {"Cache-Status", []string{`"cdn"; hit; ttl=30`}, true, false},
		"a hit behind a miss":            {"Cache-Status", []string{`origin; fwd=miss, edge; hit`}, true, false},
		"a hit in the second line":       {"Cache-Status", []string{`origin; fwd=miss`, `edge; hit`}, true, false},
		"no hit":                         {"Cache-Status", []string{`edge; fwd=stale; fwd-status=304; hit=?0`}, false, false},
		"hit in a text":                  {"Cache-Status", []string{`edge; fwd=miss; detail="; hit"`}, false, false},
		"a list of caches":               {"Cache-Status", []string{`(edge); fwd=miss`}, true, false},
		"an unreadable cache status":     {"Cache-Status", []string{`edge; hit=`}, true, false},
		"a hit of the vendor's cache":    {"Cf-Cache-Status", []string{"HIT"}, true, false},
		"stale in the vendor's cache":    {"Cf-Cache-Status", []string{"stale"}, true, false},
		"an update in the background":    {"Cf-Cache-Status", []string{"UPDATING"}, true, false},
		"a response that is not cached":  {"Cf-Cache-Status", []string{"DYNAMIC"}, false, false},
		"a validated response":           {"Cf-Cache-Status", []string{"REVALIDATED"}, false, false},
		"a part":                         {"Content-Range", []string{"bytes 0-99/1234"}, false, true},
		"a part of unknown size":         {"Content-Range", []string{"items 0-9/*"}, false, true},
		"an unreadable part":             {"Content-Range", []string{""}, false, true},
		"another header":                 {"X-Age", []string{"1"}, false, false},
	} {
		for body, want := range map[string]api.Usage{emptyBody: api.Unused, inUseBody: api.InUse} {
			list, err := associationsOf(t, withHeader(body, c.header, c.lines...))
			if err != nil {
				t.Fatal(err)
			}
			if want == api.Unused && (c.stale || c.truncated) {
				want = api.UsageUnknown
			}
			if list.Stale != c.stale || list.Truncated != c.truncated || list.Usage() != want {
				t.Errorf("%s, %s: stale %v, truncated %v, %v", name, body, list.Stale, list.Truncated, list.Usage())
			}
			list.Stale, list.Truncated = false, false
			if list.Usage() != want {
				t.Errorf("%s, %s: after changing the list: %v", name, body, list.Usage())
			}
		}
	}
}

func TestIterationOverAStaleListEndsWithAnError(t *testing.T) {
	t.Parallel()
	client := newClient(t, scripted(reply(200, inUseBody, "Age", "60")))
	var seen []api.Association
	var last error
	for association, err := range client.AllAssociations(t.Context(), cert) {
		if last = err; err == nil {
			seen = append(seen, association)
		}
	}
	wantSentinels(t, last, api.ErrUnexpectedResponse)
	if len(seen) != 1 || !strings.Contains(fmt.Sprint(last), "Age") {
		t.Errorf("got %v, %v", seen, last)
	}
}

// FuzzWarning puts random text into the texts of warnings. The text must not change
// whether a response is stale. If the text is the whole header and cannot be a warning,
// the response must be stale.
func FuzzWarning(f *testing.F) {
	for _, s := range []string{"", "a, b", `"`, `\`, `" "Sat, 25 Aug 2012 23:34:45 GMT"`, `299 - "x"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
		for line, stale := range map[string]bool{
			`299 - ` + quoted + `, 110 - ` + quoted:                true,
			`299 - ` + quoted + `, 214 - ` + quoted + ` ` + quoted: false,
		} {
			list, err := associationsOf(t, withHeader(emptyBody, "Warning", line))
			if err != nil || list.Stale != stale {
				t.Errorf("%q: %+v, %v", line, list, err)
			}
		}
		list, err := associationsOf(t, withHeader(emptyBody, "Warning", text))
		if err != nil {
			t.Fatal(err)
		}
		if !list.Stale && strings.Trim(text, ", \t") != "" && strings.Count(text, `"`) < 2 {
			t.Errorf("%q is no warning, but the list is not stale", text)
		}
	})
}
