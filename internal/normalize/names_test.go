package normalize

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// answer is a document with the given schemas, in YAML, by response.
func answer(t *testing.T, schemas map[string]string) spec.Object {
	t.Helper()
	responses := spec.Object{}
	for status, text := range schemas {
		schema, err := spec.Decode(status, []byte("# YAML\n"+text))
		if err != nil {
			t.Fatal(err)
		}
		responses[status] = spec.Object{"content": spec.Object{"application/json": spec.Object{"schema": schema}}}
	}
	return spec.Object{"paths": spec.Object{"/p": spec.Object{"get": spec.Object{"responses": responses}}}}
}

func schemasOf(t *testing.T, doc spec.Object) spec.Object {
	t.Helper()
	out, err := Name(doc)
	if err != nil {
		t.Fatal(err)
	}
	return out["components"].(spec.Object)["schemas"].(spec.Object)
}

const envelope = `
type: object
properties:
  errors: {type: array, items: {type: object, description: of errors, properties: {code: {type: integer}, source: {type: object, properties: {pointer: {type: string}}}}}}
  messages: {type: array, items: {type: object, description: of messages, properties: {code: {type: integer, example: 7}, source: {type: object, properties: {pointer: {type: string}}}}}}
  result: {type: array, items: {type: object, properties: {service: {type: string}}}}
  result_info: {type: object, properties: {page: {type: number}}}
  success: {type: boolean}
`

func TestObjectsAreNamedByTheirPlace(t *testing.T) {
	t.Parallel()
	got := schemasOf(t, answer(t, map[string]string{"200": envelope}))
	want := []string{"Association", "AssociationsResponse", "ResponseInfo", "ResponseInfoSource", "ResultInfo"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("components (-want +got)\n%s", diff)
	}
	properties := got["AssociationsResponse"].(spec.Object)["properties"].(spec.Object)
	for _, list := range []string{"errors", "messages"} {
		items := properties[list].(spec.Object)["items"]
		if diff := cmp.Diff(spec.Object{"$ref": "#/components/schemas/ResponseInfo"}, items); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", list, diff)
		}
	}
}

func TestOneShapeHasOneNameAcrossResponses(t *testing.T) {
	t.Parallel()
	got := schemasOf(t, answer(t, map[string]string{"200": envelope, "4XX": `
type: object
properties:
  errors: {type: array, items: {type: object, properties: {code: {type: integer}, source: {type: object, properties: {pointer: {type: string}}}}}}
`}))
	if _, ok := got["FailureInfo"]; ok {
		t.Errorf("the same shape got a second name: %v", slices.Sorted(maps.Keys(got)))
	}
}

func TestDifferentShapesKeepDifferentNames(t *testing.T) {
	t.Parallel()
	got := schemasOf(t, answer(t, map[string]string{"200": envelope, "4XX": `
type: object
properties:
  errors: {type: array, items: {type: object, properties: {code: {type: integer}, error_chain: {type: array, items: {type: object, properties: {code: {type: integer}}}}}}}
`}))
	for _, name := range []string{"ResponseInfo", "FailureInfo", "FailureInfoErrorChainItem"} {
		if _, ok := got[name]; !ok {
			t.Errorf("no %s in %v", name, slices.Sorted(maps.Keys(got)))
		}
	}
}

// The name of a type that is there already must not depend on what the vendor
// adds, wherever it is met.
func TestAddedObjectsTakeNoName(t *testing.T) {
	t.Parallel()
	const failure = "{type: object, properties: {success: {type: boolean}, errors: {type: array, items: {type: string}}}}"
	before := schemasOf(t, answer(t, map[string]string{"200": envelope, "4XX": failure}))
	for name, added := range map[string]map[string]string{
		"a status with the shape of another":      {"200": envelope, "401": failure, "4XX": failure},
		"an object with the shape of a later one": {"200": envelope + "  debug: {type: object, properties: {pointer: {type: string}}}\n", "4XX": failure},
		"within an object": {"200": strings.Replace(envelope, "source:", "chain: {type: array, items: {type: object, properties: {source: {type: object, properties: {pointer: {type: string}}}}}}, source:", 2),
			"4XX": failure},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			after := schemasOf(t, answer(t, added))
			for name := range before {
				if _, ok := after[name]; !ok {
					t.Errorf("no %s any more in %v", name, slices.Sorted(maps.Keys(after)))
				}
			}
			if source := fmt.Sprint(after["ResponseInfo"]); !strings.Contains(source, "source:map[$ref:#/components/schemas/ResponseInfoSource]") {
				t.Errorf("the source of an error has another name: %s", source)
			}
		})
	}
}

// A member whose key gives no letters for a name would take that of its parent.
func TestNamesOfOtherObjectsAreNotTaken(t *testing.T) {
	t.Parallel()
	doc := answer(t, map[string]string{"200": strings.Replace(envelope, "service: {type: string}", "service: {type: string}, 名前: {type: object, properties: {a: {type: string}}}", 1)})
	if _, err := Name(doc); err == nil || !strings.Contains(err.Error(), "the object at 200.result[].名前 needs a name") {
		t.Errorf("error %v, want one that asks for a name", err)
	}
}

func TestFormsThatAreNotJSONGetNoName(t *testing.T) {
	t.Parallel()
	doc := answer(t, map[string]string{"200": envelope})
	content := doc["paths"].(spec.Object)["/p"].(spec.Object)["get"].(spec.Object)["responses"].(spec.Object)["200"].(spec.Object)["content"].(spec.Object)
	want := schemasOf(t, doc)
	content["application/xml"] = spec.Object{"schema": spec.Object{"type": "object", "properties": spec.Object{"result": spec.Object{"type": "string"}}}}
	content["application/problem+json; v=1"] = content["application/json"]
	if diff := cmp.Diff(want, schemasOf(t, doc)); diff != "" {
		t.Errorf("components (-without +with)\n%s", diff)
	}
}

func TestUnknownObjectsAreNamedAfterTheirParents(t *testing.T) {
	t.Parallel()
	got := schemasOf(t, answer(t, map[string]string{
		"200": `
type: object
properties:
  result:
    type: array
    items:
      type: object
      properties:
        zone: {type: object, properties: {id: {type: string}}}
        hosts: {type: array, items: {type: object, properties: {name: {type: string}}}}
        any: {oneOf: [{type: object, properties: {a: {type: string}}}, {type: string}]}
        by_name: {type: object, additionalProperties: {type: object, properties: {n: {type: number}}}}
        free: {type: object}
`, "202": "{type: object, properties: {id: {type: number}}}",
	}))
	want := []string{"Association", "AssociationAnyVariant0", "AssociationByNameItem", "AssociationHost", "AssociationZone", "AssociationsResponse", "Response202"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("components (-want +got)\n%s", diff)
	}
}

func TestUnreadableNamesAreRefused(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("deeply_", 6) + "nested"
	_, err := Name(answer(t, map[string]string{"200": "{type: object, properties: {" + long + ": {type: object, properties: {a: {type: string}}}}}"}))
	if err == nil || !strings.Contains(err.Error(), "needs a name") || !strings.Contains(err.Error(), long) {
		t.Errorf("error %v, want one that names the place", err)
	}
}

func TestNameLeavesItsInputAlone(t *testing.T) {
	t.Parallel()
	doc := answer(t, map[string]string{"200": envelope})
	if _, err := Name(doc); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(answer(t, map[string]string{"200": envelope}), doc); diff != "" {
		t.Errorf("input changed:\n%s", diff)
	}
}
