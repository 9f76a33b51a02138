package strictjson_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/certuse/cloudflare-mtls/internal/strictjson"
)

// part has members for each way of reading.
type part struct {
	// ID, Deciding and List are read strictly, all others tolerantly.
	ID       string
	Deciding *part
	List     []part

	Text     string
	Flag     *bool
	Count    int64
	Ratio    float64
	Words    []string
	Grid     [][]int64
	ByName   map[string]int64
	Part     part2
	Parts    []part2
	Pointer  *part2
	Any      any
	Raw      jsontext.Value
	Own      own
	OwnParts []own
}

// part2 calls only Read and ReadList, which tolerate misfits within a value that
// ReadTolerant or ReadListTolerant reads.
type part2 struct {
	ID    string
	Words []string
}

func (p *part2) UnmarshalMember(d *strictjson.Decoder, name []byte) (bool, error) {
	switch string(name) {
	case "id":
		return true, d.Read(&p.ID)
	case "words":
		return true, strictjson.ReadList(d, &p.Words)
	}
	return false, nil
}

// own decodes itself. It changes its value even if it fails.
type own struct{ Text string }

func (o *own) UnmarshalJSON(text []byte) error {
	o.Text = string(text)
	if text[0] != '"' {
		return errors.New("not a string")
	}
	return nil
}

func (p *part) UnmarshalMember(d *strictjson.Decoder, name []byte) (bool, error) {
	switch string(name) {
	case "id":
		return true, d.Read(&p.ID)
	case "deciding":
		return true, d.Read(&p.Deciding)
	case "list":
		return true, strictjson.ReadList(d, &p.List)
	case "words":
		return true, strictjson.ReadListTolerant(d, &p.Words)
	case "parts":
		return true, strictjson.ReadListTolerant(d, &p.Parts)
	case "own_parts":
		return true, strictjson.ReadListTolerant(d, &p.OwnParts)
	}
	if to, ok := map[string]any{
		"text": &p.Text, "flag": &p.Flag, "count": &p.Count, "ratio": &p.Ratio, "grid": &p.Grid, "by_name": &p.ByName,
		"part": &p.Part, "pointer": &p.Pointer, "any": &p.Any, "raw": &p.Raw, "own": &p.Own,
	}[string(name)]; ok {
		return true, d.ReadTolerant(to)
	}
	return false, nil
}

func pointersOf(misfits []*strictjson.KindError) string {
	var out []string
	for _, misfit := range misfits {
		out = append(out, string(misfit.Pointer))
	}
	return strings.Join(out, " ")
}

func TestInformationalMisfitsDoNotAffectOtherMembers(t *testing.T) {
	t.Parallel()
	yes := true
	for text, tt := range map[string]struct {
		want    part
		misfits string
	}{
		`{"id":"a","text":"b","flag":true,"count":1e0,"words":["w"]}`: {part{ID: "a", Text: "b", Flag: &yes, Count: 1, Words: []string{"w"}}, ""},
		`{"text":5,"id":"a"}`:                            {part{ID: "a"}, "/text"},
		`{"flag":"true","text":"b"}`:                     {part{Text: "b"}, "/flag"},
		`{"flag":{"a":[]},"text":"b"}`:                   {part{Text: "b"}, "/flag"},
		`{"count":1.5,"ratio":"1","text":[[]]}`:          {part{}, "/count /ratio /text"},
		`{"words":{"a":1},"text":"b"}`:                   {part{Text: "b"}, "/words"},
		`{"words":["a",1,{"b":[2]},"c"]}`:                {part{Words: []string{"a", "", "", "c"}}, "/words/1 /words/2"},
		`{"words":["a",null,"c"]}`:                       {part{Words: []string{"a", "", "c"}}, "/words/1"},
		`{"parts":[null,{"id":"b"}]}`:                    {part{Parts: []part2{{}, {ID: "b"}}}, "/parts/0"},
		`{"grid":[[1,"2"],3,[4]]}`:                       {part{Grid: [][]int64{{1, 0}, nil, {4}}}, "/grid/0/1 /grid/1"},
		`{"by_name":{"a":1,"b/c":"2","d":3}}`:            {part{ByName: map[string]int64{"a": 1, "b/c": 0, "d": 3}}, "/by_name/b~1c"},
		`{"by_name":[1]}`:                                {part{}, "/by_name"},
		`{"part":{"id":5,"words":["a",1]}}`:              {part{Part: part2{Words: []string{"a", ""}}}, "/part/id /part/words/1"},
		`{"part":{"words":{"a":1},"id":"i"},"text":"b"}`: {part{Part: part2{ID: "i"}, Text: "b"}, "/part/words"},
		`{"part":[],"text":"b"}`:                         {part{Text: "b"}, "/part"},
		`{"parts":[{"id":"a"},5,{"id":[]},{"id":"d"}]}`:  {part{Parts: []part2{{ID: "a"}, {}, {}, {ID: "d"}}}, "/parts/1 /parts/2/id"},
		`{"pointer":5,"text":"b"}`:                       {part{Text: "b"}, "/pointer"},
		`{"pointer":{"id":5}}`:                           {part{Pointer: &part2{}}, "/pointer/id"},
		`{"any":{"a":[1,null]},"raw":{"b":1}}`:           {part{Any: map[string]any{"a": []any{1.0, nil}}, Raw: jsontext.Value(`{"b":1}`)}, ""},
		`{"own":5,"own_parts":["a",6]}`:                  {part{OwnParts: []own{{`"a"`}, {}}}, "/own /own_parts/1"},
		`{"text":null,"flag":null,"part":null,"words":null,"parts":null,"grid":null,"by_name":null,"pointer":null}`: {part{}, ""},
		`{"deciding":{"id":"a","text":1},"list":[{"id":"b","count":"c"}]}`:                                          {part{Deciding: &part{ID: "a"}, List: []part{{ID: "b"}}}, "/deciding/text /list/0/count"},
		`{"unknown":{"text":5}}`: {part{}, ""},
	} {
		var got part
		misfits, err := strictjson.Unmarshal([]byte(text), &got, nil)
		if err != nil || pointersOf(misfits) != tt.misfits {
			t.Errorf("%s: misfits %s, %v, want %s", text, pointersOf(misfits), err, tt.misfits)
		}
		if !reflect.DeepEqual(tt.want, got) {
			t.Errorf("%s: want %+v, got %+v", text, tt.want, got)
		}
		// The helper unmarshal returns the first of these misfits as an error.
		err = unmarshal([]byte(text), new(part))
		misfit, ok := err.(*strictjson.KindError)
		if first, _, _ := strings.Cut(tt.misfits, " "); ok != (first != "") || ok && string(misfit.Pointer) != first {
			t.Errorf("%s: error %v, want %q", text, err, first)
		}
	}
}

func TestTheLastOfTwoListsApplies(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{`["c"]`: {"c"}, `[]`: {}} {
		var got part
		if err := strictjson.UnmarshalLenient([]byte(`{"words":["a","b"],"words":`+text+`}`), &got, strings.Clone); err != nil || !slices.Equal(got.Words, want) {
			t.Errorf("%s: %q, %v", text, got.Words, err)
		}
	}
}

func TestDecidingMisfitsAreErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"id":5}`:                          "/id",
		`{"text":5,"id":5}`:                 "/id",
		`{"deciding":{"id":[]}}`:            "/deciding/id",
		`{"deciding":"a"}`:                  "/deciding",
		`{"list":[{"id":"a"},{"id":true}]}`: "/list/1/id",
		`{"list":[5]}`:                      "/list/0",
		`{"list":{}}`:                       "/list",
		`[]`:                                "",
	} {
		_, err := strictjson.Unmarshal([]byte(text), new(part), nil)
		if misfit, ok := err.(*strictjson.KindError); !ok || string(misfit.Pointer) != want {
			t.Errorf("%s: error %v, want a misfit at %q", text, err, want)
		}
	}
}

// Invalid JSON and duplicate names are errors everywhere.
func TestSyntaxIsNeverTolerated(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"text":{"a":1,"a":2}}`, `{"text":5,"text":6}`, `{"words":[1,}`, `{"words":[{"a":tru}]}`, `{"any":"` + "\xff" + `"}`, `{"part":5`,
		`{"text":` + strings.Repeat("[", 10_001), `{"by_name":{"a":"x","a":"y"}}`, `{"part":[1 2]}`, `{"text":5}{}`, `{"flag":nul}`, `{"unknown":{"a":1,"a":1}}`,
		`{"parts":[5,{"id":"a","id":"b"}]}`,
	} {
		misfits, err := strictjson.Unmarshal([]byte(text), new(part), nil)
		if _, ok := errors.AsType[*jsontext.SyntacticError](err); !ok {
			t.Errorf("%.60s: error %v, misfits %s, want a syntax error", text, err, pointersOf(misfits))
		}
	}
}

func TestMisfitsAreBounded(t *testing.T) {
	t.Parallel()
	const most = 100
	var items []any
	for i := range 3 * most {
		items = append(items, i)
	}
	text := fmt.Appendf(nil, `{"words":%s,"flag":"x","pointer":5,"own":7,"id":"last"}`, mustJSON(t, items))
	var got part
	misfits, err := strictjson.Unmarshal(text, &got, nil)
	if err != nil || len(misfits) != most || string(misfits[most-1].Pointer) != "/words/99" {
		t.Errorf("%d misfits, %v", len(misfits), err)
	}
	if len(got.Words) != 3*most || got.ID != "last" || got.Flag != nil || got.Pointer != nil || got.Own != (own{}) {
		t.Errorf("after the limit: %d words, %+v", len(got.Words), got)
	}
	if _, err := strictjson.Unmarshal(append(text[:len(text)-len(`"last"}`)], `5}`...), new(part), nil); err == nil {
		t.Error("a deciding member is tolerated after the limit")
	}
	// The limit is per text.
	if misfits, err := strictjson.Unmarshal([]byte(`{"flag":"x"}`), &got, nil); err != nil || pointersOf(misfits) != "/flag" {
		t.Errorf("misfits %s, %v", pointersOf(misfits), err)
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Misfits belong to the caller's own text, also with concurrent calls.
func TestReusedDecodersDoNotMixMisfits(t *testing.T) {
	t.Parallel()
	var wg sync.WaitGroup
	for _, member := range []string{"text", "flag", "count", "ratio"} {
		wg.Go(func() {
			for range 500 {
				misfits, err := strictjson.Unmarshal([]byte(`{"`+member+`":[5]}`), new(part), nil)
				_, _ = strictjson.Unmarshal([]byte(`{"part":5}`), new(part), nil) // may reuse the decoder
				if got := pointersOf(misfits); err != nil || got != "/"+member {
					t.Errorf("misfits %q, %v, want /%s", got, err, member)
					return
				}
			}
		})
	}
	wg.Wait()
}
