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

// named is an operation of a document for Name: its list entry, and its bodies in
// YAML by status, "" for the request.
type named struct {
	entry  spec.Operation
	bodies map[string]string
}

// list returns GET /p with the noun Association.
func list(bodies map[string]string) named {
	return named{spec.Operation{Name: "listAssociations", Method: "GET", Path: "/p", Noun: "Association"}, bodies}
}

func bodyOf(t *testing.T, text string) spec.Object {
	t.Helper()
	schema, err := spec.Decode("body", []byte("# YAML\n"+text))
	if err != nil {
		t.Fatal(err)
	}
	return spec.Object{"content": spec.Object{"application/json": spec.Object{"schema": schema}}}
}

func namedDocument(t *testing.T, all ...named) (spec.Object, spec.Operations) {
	t.Helper()
	paths, ops := spec.Object{}, spec.Operations{}
	for _, n := range all {
		operation := spec.Ensure(spec.Ensure(paths, n.entry.Path), strings.ToLower(n.entry.Method))
		for status, text := range n.bodies {
			if status == "" {
				operation["requestBody"] = bodyOf(t, text)
				continue
			}
			spec.Ensure(operation, "responses")[status] = bodyOf(t, text)
		}
		ops = append(ops, n.entry)
	}
	return spec.Object{"paths": paths}, ops
}

// names returns the components that Name creates for the operations.
func names(t *testing.T, all ...named) spec.Object {
	t.Helper()
	doc, ops := namedDocument(t, all...)
	out, err := Name(doc, ops)
	if err != nil {
		t.Fatal(err)
	}
	return out["components"].(spec.Object)["schemas"].(spec.Object)
}

func expectNames(t *testing.T, got spec.Object, want ...string) {
	t.Helper()
	slices.Sort(want)
	if diff := cmp.Diff(want, spec.SortedKeys(got)); diff != "" {
		t.Errorf("components (-want +got)\n%s", diff)
	}
}

const shared = `
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
	got := names(t, list(map[string]string{"200": shared}))
	expectNames(t, got, "Association", "AssociationsResponse", "ResponseInfo", "ResponseInfoSource", "ResultInfo")
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
	got := names(t, list(map[string]string{"200": shared, "4XX": `
type: object
properties:
  errors: {type: array, items: {type: object, properties: {code: {type: integer}, source: {type: object, properties: {pointer: {type: string}}}}}}
`}))
	expectNames(t, got, "Association", "AssociationsResponse", "FailureResponse", "ResponseInfo", "ResponseInfoSource", "ResultInfo")
}

func TestDifferentShapesKeepDifferentNames(t *testing.T) {
	t.Parallel()
	got := names(t, list(map[string]string{"200": shared, "4XX": `
type: object
properties:
  errors: {type: array, items: {type: object, properties: {code: {type: integer}, error_chain: {type: array, items: {type: object, properties: {code: {type: integer}}}}}}}
`, "5XX": "{type: object, properties: {errors: {type: array, items: {type: object, properties: {reason: {type: string}}}}}}",
		"default": "{type: object, properties: {error: {type: string}}}"}))
	expectNames(t, got, "Association", "Association4XXResponseInfo", "Association4XXResponseInfoErrorChainItem", "Association5XXResponseInfo",
		"AssociationResponse5XX", "AssociationResponseDefault", "AssociationsResponse", "FailureResponse", "ResponseInfo", "ResponseInfoSource", "ResultInfo")
}

// The name of an existing type must not depend on additions of the vendor, wherever
// they are.
func TestAddedObjectsDoNotRenameExistingTypes(t *testing.T) {
	t.Parallel()
	const failure = "{type: object, properties: {success: {type: boolean}, errors: {type: array, items: {type: string}}}}"
	before := names(t, list(map[string]string{"200": shared, "4XX": failure}))
	for name, added := range map[string]map[string]string{
		"a status with the shape of another":      {"200": shared, "401": failure, "4XX": failure},
		"an object with the shape of a later one": {"200": shared + "  debug: {type: object, properties: {pointer: {type: string}}}\n", "4XX": failure},
		"an object within another": {"200": strings.Replace(shared, "source:", "chain: {type: array, items: {type: object, properties: {source: {type: object, properties: {pointer: {type: string}}}}}}, source:", 2),
			"4XX": failure},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			after := names(t, list(added))
			for name := range before {
				if _, ok := after[name]; !ok {
					t.Errorf("no %s any more in %v", name, spec.SortedKeys(after))
				}
			}
			if source := fmt.Sprint(after["ResponseInfo"]); !strings.Contains(source, "source:map[$ref:#/components/schemas/ResponseInfoSource]") {
				t.Errorf("the source of an error has another name: %s", source)
			}
		})
	}
}

func TestUnknownObjectsAreNamedAfterTheirParents(t *testing.T) {
	t.Parallel()
	got := names(t, list(map[string]string{
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
	expectNames(t, got, "Association", "AssociationAnyVariant0", "AssociationByNameItem", "AssociationHost", "AssociationZone",
		"AssociationsResponse", "AssociationResponse202")
}

func TestUnreadableNamesAreRefusedWithThePlace(t *testing.T) {
	t.Parallel()
	const at = "the object at /paths/~1p/get/responses/200/content/application~1json/schema: "
	long := strings.Repeat("deeply_", 6) + "nested"
	for name, tt := range map[string]struct{ schema, want string }{
		"long": {"{type: object, properties: {" + long + ": {type: object, properties: {a: {type: string}}}}}",
			at + `"` + long + `" needs a name in openapi/operations.yaml: AssociationResponseDeeplyDeeplyDeeplyDeeplyDeeplyDeeplyNested is another object's, or longer than 40 characters`},
		// A Go name keeps none of these characters: the parent's name would remain.
		"no usable letters": {strings.Replace(shared, "service: {type: string}", "service: {type: string}, 名前: {type: object, properties: {a: {type: string}}}", 1),
			at + `"result[].名前" needs a name in openapi/operations.yaml: Association is another object's, or longer than 40 characters`},
	} {
		doc, ops := namedDocument(t, list(map[string]string{"200": tt.schema}))
		if _, err := Name(doc, ops); err == nil || err.Error() != tt.want {
			t.Errorf("%s: error %v, want %s", name, err, tt.want)
		}
	}
}

// Objects of other media types get no Go types.
func TestOnlyApplicationJSONGetsNames(t *testing.T) {
	t.Parallel()
	doc, ops := namedDocument(t, list(map[string]string{"200": shared}))
	want, err := Name(doc, ops)
	if err != nil {
		t.Fatal(err)
	}
	other := bodyOf(t, "{type: object, properties: {result: {type: string}}}")["content"].(spec.Object)["application/json"]
	for l := range spec.All(doc) {
		content := spec.Child(l.Operation, "responses", "200", "content")
		content["application/xml"], content["application/vnd.api+json"] = other, other
	}
	got, err := Name(doc, ops)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want["components"], got["components"]); diff != "" {
		t.Errorf("components (-without +with)\n%s", diff)
	}
	for l := range spec.All(got) {
		for _, mediaType := range []string{"application/xml", "application/vnd.api+json"} {
			if diff := cmp.Diff(other, spec.Child(l.Operation, "responses", "200", "content")[mediaType]); diff != "" {
				t.Errorf("%s (-want +got)\n%s", mediaType, diff)
			}
		}
	}
}

func TestNameDoesNotModifyItsInput(t *testing.T) {
	t.Parallel()
	doc, ops := namedDocument(t, list(map[string]string{"200": shared}))
	before := spec.Clone(doc)
	if _, err := Name(doc, ops); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, doc); diff != "" {
		t.Errorf("input changed:\n%s", diff)
	}
}

// operationNamed returns the entry of an operation with a noun.
func operationNamed(method, path, noun string) spec.Operation {
	return spec.Operation{Name: strings.ToLower(method) + noun, Method: method, Path: path, Noun: noun}
}

func TestOperationsGetTheNamesOfTheList(t *testing.T) {
	t.Parallel()
	const one = "{type: object, properties: {result: {type: object, properties: {id: {type: string, deprecated: true, default: a, description: d, example: e}}}}}"
	const many = "{type: object, properties: {result: {type: array, items: {type: object, properties: {id: {type: string}}}}}}"
	doc, ops := namedDocument(t,
		named{operationNamed("GET", "/things", "Thing"), map[string]string{"200": many}},
		named{operationNamed("POST", "/things", "Thing"), map[string]string{"200": one, "": "{type: object, properties: {name: {type: string}, part: {type: object, properties: {n: {type: number}}}}}"}},
		named{operationNamed("GET", "/policies", "Policy"), map[string]string{"200": strings.Replace(many, "id", "name", 1)}},
	)
	out, err := Name(doc, ops)
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]any{}
	for l := range spec.All(out) {
		ids[l.Title()] = l.Operation["operationId"]
	}
	if diff := cmp.Diff(map[string]any{"GET /things": "getThing", "POST /things": "postThing", "GET /policies": "getPolicy"}, ids); diff != "" {
		t.Errorf("operations (-want +got)\n%s", diff)
	}
	schemas := out["components"].(spec.Object)["schemas"].(spec.Object)
	expectNames(t, schemas, "Thing", "ThingRequest", "ThingRequestPart", "ThingResponse", "ThingsResponse", "PoliciesResponse", "Policy")
}

// Of several shapes at a shared place, the most frequent one has the shared name, and
// of equally frequent ones the first. The name of another shape begins with the noun of
// the first operation that has it.
func TestSharedNamesBelongToTheMajority(t *testing.T) {
	t.Parallel()
	with := func(noun, info string) named {
		return named{operationNamed("GET", "/"+strings.ToLower(noun), noun), map[string]string{
			"200": "{type: object, properties: {" + noun + ": {type: string}, result_info: {type: object, properties: " + info + "}}}"}}
	}
	const few, all = "{page: {type: number}}", "{page: {type: number}, total: {type: number}}"
	for name, tt := range map[string]struct {
		operations []named
		want       []string // component of result_info, by operation
	}{
		"the first deviates":     {[]named{with("A", few), with("B", all), with("C", all)}, []string{"AResultInfo", "ResultInfo", "ResultInfo"}},
		"the last deviates":      {[]named{with("A", all), with("B", all), with("C", few)}, []string{"ResultInfo", "ResultInfo", "CResultInfo"}},
		"none has the majority":  {[]named{with("A", few), with("B", all)}, []string{"ResultInfo", "BResultInfo"}},
		"two deviate in one way": {[]named{with("A", all), with("B", few), with("C", few), with("D", all), with("E", all)}, []string{"ResultInfo", "BResultInfo", "BResultInfo", "ResultInfo", "ResultInfo"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := names(t, tt.operations...)
			for i, o := range tt.operations {
				info := got[o.entry.Noun+"Response"].(spec.Object)["properties"].(spec.Object)["result_info"]
				if diff := cmp.Diff(any(spec.Object{"$ref": "#/components/schemas/" + tt.want[i]}), info); diff != "" {
					t.Errorf("%s (-want +got)\n%s", o.entry.Noun, diff)
				}
			}
		})
	}
}

func TestNamesOfTheListComeFirst(t *testing.T) {
	t.Parallel()
	entry := operationNamed("GET", "/a", "Thing")
	entry.Names = map[string]string{"result[].deployment": "Deployment", "result[].source": "ThingSource", "result[].by_name[]": "Entry"}
	const body = `
type: object
properties:
  errors: {type: array, items: {type: object, properties: {source: {type: object, properties: {pointer: {type: string}}}}}}
  result:
    type: array
    items:
      type: object
      properties:
        deployment: {type: object, properties: {part: {type: object, properties: {n: {type: number}}}}}
        source: {type: object, properties: {pointer: {type: string}}}
        by_name: {additionalProperties: {type: object, properties: {m: {type: number}}}}
`
	// A name of the list goes to every object of the shape, even in the envelope.
	expectNames(t, names(t, named{entry, map[string]string{"200": body, "4XX": "{type: object, properties: {result: {type: array, items: {type: object, properties: {deployment: {type: object, properties: {other: {type: string}}}}}}}}"}}),
		"Deployment", "DeploymentPart", "Entry", "FailureResponse", "FailureResponseResultItem", "FailureResponseResultItemDeployment",
		"ResponseInfo", "Thing", "ThingSource", "ThingsResponse")
}

func TestTwoShapesOfOneNounNeedAName(t *testing.T) {
	t.Parallel()
	response := func(member string) map[string]string {
		return map[string]string{"200": "{type: object, properties: {result: {type: object, properties: {" + member + ": {type: string}}}}}"}
	}
	get, post := operationNamed("GET", "/a", "Thing"), operationNamed("POST", "/a", "Thing")
	doc, ops := namedDocument(t, named{get, response("id")}, named{post, response("name")})
	const want = "the object at /paths/~1a/post/responses/200/content/application~1json/schema: \"result\" needs a name in openapi/operations.yaml: Thing is another object's, or longer than 40 characters"
	if _, err := Name(doc, ops); err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	post.Names = map[string]string{"": "NewThingResponse", "result": "NewThing"}
	expectNames(t, names(t, named{get, response("id")}, named{post, response("name")}), "NewThing", "NewThingResponse", "Thing", "ThingResponse")
}

// x-decides describes the property, not the object that is its value: the same object
// elsewhere has the same name.
func TestDecidingMembersKeepTheirMarkBesideTheReference(t *testing.T) {
	t.Parallel()
	got := names(t, list(map[string]string{"200": `
type: object
properties:
  result:
    type: array
    x-decides: true
    items: {type: object, x-decides: true, properties: {a: {type: object, x-decides: true, x-go-type-skip-optional-pointer: false, properties: {id: {type: string, x-decides: true}}}, b: {type: object, properties: {id: {type: string, x-decides: true}}}, c: {type: object, properties: {id: {type: string}}}}}
`}))
	expectNames(t, got, "Association", "AssociationA", "AssociationC", "AssociationsResponse")
	const ref = "#/components/schemas/"
	want := spec.Object{
		"a": spec.Object{"$ref": ref + "AssociationA", "x-decides": true, "x-go-type-skip-optional-pointer": false},
		"b": spec.Object{"$ref": ref + "AssociationA"},
		"c": spec.Object{"$ref": ref + "AssociationC"},
	}
	if diff := cmp.Diff(any(want), got["Association"].(spec.Object)["properties"]); diff != "" {
		t.Errorf("properties (-want +got)\n%s", diff)
	}
	result := got["AssociationsResponse"].(spec.Object)["properties"].(spec.Object)["result"]
	if diff := cmp.Diff(any(spec.Object{"type": "array", "x-decides": true, "items": spec.Object{"$ref": ref + "Association", "x-decides": true}}), result); diff != "" {
		t.Errorf("result (-want +got)\n%s", diff)
	}
	for name := range maps.Keys(got) {
		if _, ok := got[name].(spec.Object)["x-decides"]; ok {
			t.Errorf("%s itself has x-decides", name)
		}
	}
}
