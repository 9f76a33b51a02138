package spec

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPlacesDistinguishNamesFromKeywords(t *testing.T) {
	t.Parallel()
	if got := Fields.Child("properties").Child("example"); got != Fields {
		t.Errorf("a property called example is at %v, want the fields of a schema", got)
	}
	if got := Fields.Child("example").Child("properties"); got != Data {
		t.Errorf("the inside of an example is at %v, want data", got)
	}
	if got := Fields.Child("security").Child("example"); got != Fields {
		t.Errorf("a security scheme called example is at %v, want fields", got)
	}
}

const walkedDocument = `paths:
  /b:
    post:
      parameters:
        - {name: plain, in: query, schema: {type: string}}
        - {name: whole, in: query, content: {application/json: {schema: {type: object}}}}
        - {name: bare, in: query}
        - not an object
      requestBody: {content: {text/plain: {}, application/json: {schema: {type: object}}}}
      responses:
        default: {description: none}
        4XX: {content: {application/json: {schema: {type: object}}}}
        200:
          content: {application/xml: {schema: true}, application/json: {schema: {type: array}}}
          headers:
            X-B: {schema: {type: string}}
            X-A: {content: {a/b: {schema: {type: integer}}}}
    get: {}
    parameters: []
    x-get: {}
  /a: {patch: {}, summary: s}
  /none: 5
`

func TestAllOperationsAreVisitedInAFixedOrder(t *testing.T) {
	t.Parallel()
	var got []string
	for l := range All(decoded(t, walkedDocument)) {
		got = append(got, l.Title()+" "+l.Pointer())
	}
	want := []string{"PATCH /a /paths/~1a/patch", "GET /b /paths/~1b/get", "POST /b /paths/~1b/post"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for range All(Object{}) {
		t.Error("an operation of a document without paths")
	}
}

func TestEverySchemaOfAnOperationIsVisited(t *testing.T) {
	t.Parallel()
	var got []string
	for l := range All(decoded(t, walkedDocument)) {
		_ = Visit(l.Operation, Fields, l.Pointer(), func(o Object, pointer string) error {
			if schema, ok := o["schema"]; ok {
				got = append(got, fmt.Sprintf("%s %v", pointer, Child(schema)["type"]))
			}
			return nil
		})
	}
	want := []string{
		"/paths/~1b/post/parameters/0 string",
		"/paths/~1b/post/parameters/1/content/application~1json object",
		"/paths/~1b/post/requestBody/content/application~1json object",
		"/paths/~1b/post/responses/200/content/application~1json array",
		"/paths/~1b/post/responses/200/content/application~1xml <nil>",
		"/paths/~1b/post/responses/200/headers/X-A/content/a~1b integer",
		"/paths/~1b/post/responses/200/headers/X-B string",
		"/paths/~1b/post/responses/4XX/content/application~1json object",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestWalksEndWhenTheCallerBreaks(t *testing.T) {
	t.Parallel()
	doc := decoded(t, walkedDocument)
	count := 0
	for range All(doc) {
		count++
	}
	for stop := range count {
		seen := 0
		for range All(doc) {
			if seen++; seen == stop+1 {
				break
			}
		}
		if seen != stop+1 {
			t.Errorf("%d operations seen, want %d", seen, stop+1)
		}
	}
}

func TestVisitPassesOpenAPIsObjectsAndSeesChanges(t *testing.T) {
	t.Parallel()
	tree := decoded(t, "schema: {properties: {enum: {enum: [{a: {}}]}}, allOf: [{items: {}}, 5]}\n")
	var got []string
	err := Visit(tree, Fields, "", func(o Object, pointer string) error {
		got = append(got, pointer)
		if _, ok := o["items"]; ok {
			delete(o, "items")
			o["not"] = Object{}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	// Neither the map of properties nor the data is visited.
	want := []string{"", "/schema", "/schema/allOf/0", "/schema/allOf/0/not", "/schema/properties/enum"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	stop := errors.New("stop")
	for at := range want {
		visited := 0
		err := Visit(tree, Fields, "", func(Object, string) error {
			if visited++; visited == at+1 {
				return stop
			}
			return nil
		})
		if !errors.Is(err, stop) || visited != at+1 {
			t.Errorf("stopped at %d: %d visits, %v", at+1, visited, err)
		}
	}
}

func TestEnsureAddsWhatIsMissing(t *testing.T) {
	t.Parallel()
	doc := Object{"list": []any{}, "object": Object{"a": 1.0}}
	Ensure(doc, "new")["b"] = 2.0
	Ensure(doc, "list")["c"] = 3.0
	Ensure(doc, "object")["d"] = 4.0
	want := Object{"new": Object{"b": 2.0}, "list": Object{"c": 3.0}, "object": Object{"a": 1.0, "d": 4.0}}
	if diff := cmp.Diff(want, doc); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if Child(doc, "nothing") != nil || Child(nil, "a") != nil || Child([]any{}, "a") != nil {
		t.Error("Child of a missing member is not nil")
	}
	if diff := cmp.Diff([]string{"list", "new", "object"}, SortedKeys(doc)); diff != "" {
		t.Errorf("keys (-want +got)\n%s", diff)
	}
}
