package compare

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/certuse/cloudflare-mtls/internal/normalize"
	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// rows are edits of the fixture, with the class of the edit and that of its reverse.
var rows = []struct {
	name        string
	forth, back Class
	edits       []string
}{
	// Nothing changes.
	{"order of required members and of values", None, None, []string{"row/properties/state/enum", `["off", "on"]`}},
	{"value listed twice", None, None, []string{"row/properties/state/enum", `["on", "off", "on"]`}},
	{"readOnly schema of a parameter", None, None, []string{"op/parameters/0/schema/readOnly", "true"}},
	{"order of alternatives", None, None, []string{"row/properties/choice/oneOf", `[{"type": "boolean"}, {"type": "string", "maxLength": 5}]`}},
	{"order of parameters", None, None, []string{"op/parameters", `[
		{"name": "kind", "in": "query", "schema": {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}}},
		{"name": "account_id", "in": "path", "required": true, "schema": {"type": "string", "maxLength": 32}},
		{"name": "page", "in": "query", "schema": {"type": "integer", "minimum": 1}}]`}},
	{"case of a header", None, None, []string{"ok/headers", `{"ratelimit": {"schema": {"type": "string"}}}`}},
	{"status with the same response as its range", None, None, []string{"op/responses/404", `{"description": "Failed.", "content": {"application/json": {"schema": {"type": "object", "properties": {"errors": {"type": "array", "items": {"type": "object"}}}}}}}`}},
	{"unused scheme", None, None, []string{"scheme/other", `{"type": "http", "scheme": "basic"}`}},
	{"bearerFormat", None, None, []string{"scheme/token/bearerFormat", `"JWT"`}},
	{"name of a scheme", None, None, []string{"scheme/bearer", `{"type": "http", "scheme": "Bearer"}`, "op/security", `[{"email": [], "key": []}, {"bearer": []}]`}},

	// Documentation.
	{"description", Documentation, Documentation, []string{"id/description", `"What it is."`}},
	{"title and external documentation", Documentation, Documentation, []string{"row/title", `"Row"`, "row/externalDocs", `{"url": "https://example.com"}`}},
	{"example of another type", Documentation, Documentation, []string{"id/example", "1"}},
	{"example of null", Documentation, Documentation, []string{"id/example", "null"}},
	{"tags, summary and operationId", Documentation, Documentation, []string{"op/tags", `["Other"]`, "op/summary", `"Makes one."`, "op/operationId", `"makeThing"`}},
	{"extensions", Documentation, Documentation, []string{"id/x-auditable", "true", "op/x-fern-sdk", `{"a": 1}`, "ok/x-thing", "1"}},
	{"description of an alternative", Documentation, Documentation, []string{"row/properties/choice/oneOf/0/description", `"Text."`}},
	{"version of the document", Documentation, Documentation, []string{"/info/version", `"9.0.0"`}},
	{"licence", Documentation, Documentation, []string{"/info/license", `{"name": "GPL"}`}},
	{"second server", Documentation, Documentation, []string{"/servers", `[{"url": "https://api.cloudflare.com/v4"}, {"url": "https://eu.example.com/v4"}]`}},
	{"link", Documentation, Documentation, []string{"ok/links", `{"next": {"operationId": "list"}}`}},
	{"default in a response", Documentation, Documentation, []string{"id/default", `"x"`}},
	{"readOnly member of a response", Documentation, Documentation, []string{"id/readOnly", "true"}},
	{"writeOnly member of a request", Documentation, Documentation, []string{"body/properties/name/writeOnly", "true"}},

	// Requests.
	{"shorter text in a request", Breaking, Compatible, []string{"op/parameters/0/schema/maxLength", "16"}},
	{"bound of a parameter", Breaking, Compatible, []string{"query/schema/minimum", "2"}},
	{"new bound of a parameter", Breaking, Compatible, []string{"query/schema/maximum", "100"}},
	{"pattern of a parameter", Breaking, Compatible, []string{"op/parameters/0/schema/pattern", `"^[0-9a-f]+$"`}},
	{"type of a parameter", Breaking, Breaking, []string{"query/schema/type", `"boolean"`}},
	{"wider type of a parameter", Compatible, Breaking, []string{"query/schema/type", `"number"`}},
	{"parameter required", Breaking, Compatible, []string{"query/required", "true"}},
	{"style of a parameter", Breaking, Breaking, []string{"op/parameters/2/explode", "false"}},
	{"value added to a parameter", Compatible, Breaking, []string{"op/parameters/2/schema/items/enum", `["a", "b", "c"]`}},
	{"default of a parameter", Breaking, Breaking, []string{"query/schema/default", "1"}},
	{"optional parameter with a default", Breaking, Breaking, []string{"op/parameters", paramsWith(`{"name": "state", "in": "query", "schema": {"type": "string", "default": "active"}}`)}},
	{"other default of a member", Compatible, Compatible, []string{"body/properties/size/default", "2"}},
	{"parameter in another place", Breaking, Breaking, []string{"query/in", `"header"`}},
	{"optional parameter added", Compatible, Breaking, []string{"op/parameters", paramsWith(`{"name": "sort", "in": "query", "schema": {"type": "string"}}`)}},
	{"pages of a list", Breaking, Breaking, []string{"op/parameters", paramsWith(`{"name": "per_page", "in": "query", "schema": {"type": "integer"}}`)}},
	{"size of a page", Breaking, Breaking, []string{"op/parameters", paramsWith(`{"name": "page-size", "in": "query", "schema": {"type": "integer"}}`)}},
	{"cursor of a list", Breaking, Breaking, []string{"op/parameters", paramsWith(`{"name": "cursor", "in": "query", "schema": {"type": "string"}}`)}},
	{"header called like a cursor", Compatible, Breaking, []string{"op/parameters", paramsWith(`{"name": "cursor", "in": "header", "schema": {"type": "string"}}`)}},
	{"required parameter added", Breaking, Breaking, []string{"op/parameters", paramsWith(`{"name": "sort", "in": "query", "required": true, "schema": {"type": "string"}}`)}},
	{"parameter deprecated", Compatible, Compatible, []string{"query/deprecated", "true"}},
	{"optional member of the request", Compatible, Breaking, []string{"body/properties/tag", `{"type": "string"}`}},
	{"required member of the request", Breaking, Breaking, []string{"body/properties/tag", `{"type": "string"}`, "body/required", `["name", "tag"]`}},
	{"member of the request now required", Breaking, Compatible, []string{"body/required", `["name", "size"]`}},
	{"readOnly member of a request", Breaking, Compatible, []string{"body/properties/size/readOnly", "true"}},
	{"nullable member of a request", Compatible, Breaking, []string{"body/properties/size/nullable", "true"}},
	{"closed request", Breaking, Compatible, []string{"body/additionalProperties", "false"}},
	{"choice of types in a request", Compatible, Breaking, []string{"body/properties/size", `{"minimum": 1, "default": 1, "oneOf": [{"type": "number"}, {"type": "string"}]}`}},
	{"request body optional", Compatible, Breaking, []string{"op/requestBody/required", ""}},
	{"request body of another type", Breaking, Breaking, []string{"op/requestBody/content", `{"multipart/form-data": {"schema": {"type": "object"}}}`}},
	{"items of a list in a request", Breaking, Breaking, []string{"body/properties/labels/items/type", `"integer"`}},
	{"enumeration in a request", Breaking, Compatible, []string{"body/properties/name/enum", `["x"]`}},

	// Responses.
	{"optional member of a response", Compatible, Breaking, []string{"row/properties/more", `{"type": "string"}`}},
	{"required member of a response", Compatible, Breaking, []string{"answer/properties/more", `{"type": "string"}`, "answer/required", `["success", "more"]`}},
	{"required member that the example lacks", Breaking, Breaking, []string{"row/properties/more", `{"type": "string"}`, "row/required", `["id", "more"]`}},
	{"member no longer required", Breaking, Compatible, []string{"row/required", ""}},
	{"type of a member", Breaking, Breaking, []string{"id/type", `"integer"`}},
	{"wider type of a member", Breaking, Compatible, []string{"row/properties/count/type", `"number"`}},
	{"format", Compatible, Breaking, []string{"id/format", `"uuid"`}},
	{"longer text", Breaking, Compatible, []string{"id/maxLength", "64"}},
	{"text without bound", Breaking, Compatible, []string{"id/maxLength", ""}},
	{"higher maximum", Breaking, Compatible, []string{"row/properties/count/maximum", "10"}},
	{"exclusive maximum", Compatible, Breaking, []string{"row/properties/count/exclusiveMaximum", "true"}},
	{"two patterns", Compatible, Breaking, []string{"id/allOf", `[{"pattern": "^a"}, {"pattern": "a$"}]`}},
	{"pattern that the example does not match", Breaking, Breaking, []string{"id/pattern", `"^b"`}},
	{"bound that the example of the list exceeds", Breaking, Breaking, []string{"answer/properties/result/maxItems", "1"}},
	{"value added to an enumeration", Breaking, Compatible, []string{"row/properties/state/enum", `["on", "off", "waiting"]`}},
	{"enumeration dropped", Breaking, Compatible, []string{"row/properties/state/enum", ""}},
	{"other value of an enumeration", Breaking, Breaking, []string{"answer/properties/success/enum", "[false]"}},
	{"nullable member of a response", Breaking, Compatible, []string{"id/nullable", "true"}},
	{"deprecated member", Compatible, Compatible, []string{"id/deprecated", "true"}},
	{"deprecated operation", Compatible, Compatible, []string{"op/deprecated", "true"}},
	{"writeOnly member of a response", Breaking, Compatible, []string{"id/writeOnly", "true"}},
	{"choice of types", Breaking, Compatible, []string{"row/properties/count", `{"oneOf": [{"type": "integer"}, {"type": "string"}], "minimum": 0, "maximum": 9}`}},
	{"choice of the old type or another", Breaking, Compatible, []string{"id", `{"maxLength": 36, "anyOf": [{"type": "string"}, {"type": "object"}]}`}},
	{"choice of formats", Breaking, Breaking, []string{"id", `{"maxLength": 36, "oneOf": [{"type": "string", "format": "uuid"}, {"type": "string", "format": "date"}]}`}},
	{"choice of one with a keyword of its parent", Breaking, Breaking, []string{"id", `{"maxLength": 36, "anyOf": [{"type": "string", "maxLength": 5}]}`}},
	{"nullable choice of one", Breaking, Breaking, []string{"row/properties/note", `{"nullable": true, "anyOf": [{"type": "string"}]}`}},
	{"alternative added", Breaking, Compatible, []string{"row/properties/choice/oneOf", `[{"type": "string", "maxLength": 5}, {"type": "boolean"}, {"type": "object"}]`}},
	{"additional members of another type", Breaking, Breaking, []string{"row/properties/extra/additionalProperties/type", `"integer"`}},
	{"no additional members", Compatible, Breaking, []string{"row/properties/extra/additionalProperties", "false"}},
	{"items not described", Breaking, Compatible, []string{"answer/properties/result/items", ""}},
	{"excluded schema", Compatible, Breaking, []string{"id/not", `{"enum": ["x"]}`}},
	{"body not described", Breaking, Compatible, []string{"answer", ""}},
	{"text instead of JSON", Breaking, Breaking, []string{"ok/content", `{"text/plain": {"schema": {"type": "string"}}}`}},
	{"header removed", Compatible, Compatible, []string{"ok/headers", ""}},

	// Statuses.
	{"status of a range, as text", Breaking, Breaking, []string{"op/responses/404", `{"description": "x", "content": {"text/plain": {"schema": {"type": "string"}}}}`}},
	{"status of a range with one more member", Compatible, Breaking, []string{"op/responses/404", `{"description": "x", "content": {"application/json": {"schema": {"type": "object", "properties": {"hint": {"type": "string"}, "errors": {"type": "array", "items": {"type": "object"}}}}}}}`}},
	{"range of statuses added", Compatible, Breaking, []string{"op/responses/5XX", `{"description": "x"}`}},
	{"default response", Compatible, Breaking, []string{"op/responses/default", `{"description": "x"}`}},
	{"success status added", Breaking, Breaking, []string{"op/responses/202", `{"description": "x"}`}},
	{"range removed", Breaking, Compatible, []string{"op/responses/4XX", ""}},
	{"status instead of a range", Breaking, Compatible, []string{"op/responses/499", `{"description": "Failed.", "content": {"application/json": {"schema": {"type": "object", "properties": {"errors": {"type": "array", "items": {"type": "object"}}}}}}}`, "op/responses/4XX", ""}},

	// Credentials and permissions.
	{"token no longer accepted", Breaking, Compatible, []string{"op/security", `[{"email": [], "key": []}]`}},
	{"email and key no longer accepted", Breaking, Compatible, []string{"op/security", `[{"token": []}]`}},
	{"token as basic authentication", Breaking, Breaking, []string{"scheme/token/scheme", `"basic"`}},
	{"token only with an email", Breaking, Compatible, []string{"op/security", `[{"token": [], "email": []}, {"email": [], "key": []}]`}},
	{"key without an email", Compatible, Breaking, []string{"op/security", `[{"token": []}, {"key": []}]`}},
	{"key in the query", Breaking, Breaking, []string{"scheme/key/in", `"query"`}},
	{"other header", Breaking, Breaking, []string{"scheme/key/name", `"X-Key"`}},
	{"other credentials accepted", Compatible, Breaking, []string{"scheme/user", `{"type": "apiKey", "in": "header", "name": "X-User"}`, "op/security", `[{"token": []}, {"email": [], "key": []}, {"user": []}]`}},
	{"plan dropped", Breaking, Documentation, []string{"op/x-cfPlanAvailability", `{"free": false, "enterprise": true}`}},
	{"deprecated by the extension", Compatible, Compatible, []string{"op/x-cfDeprecation", `{"eol": "2027-01-01", "display": true}`}},
	{"permission dropped", Breaking, Compatible, []string{"op/x-accepted-permissions", `["Things Write"]`}},
	{"permission groups listed", Compatible, Documentation, []string{"op/x-api-token-group", `["Things Read"]`}},
	{"permissions required", Compatible, Documentation, []string{"op/x-cfPermissionsRequired", `{"enum": ["#thing:read"]}`}},

	// The operation and the server.
	{"operation withdrawn", Breaking, Compatible, []string{"op", ""}},
	{"operation added", Compatible, Breaking, []string{"/paths/~1zones", `{"get": {"responses": {"200": {"description": "x"}}}}`}},
	{"other first server", Breaking, Breaking, []string{"/servers/0/url", `"https://other.example.com/v4"`}},
}

func paramsWith(parameter string) string {
	return `[
		{"name": "account_id", "in": "path", "required": true, "schema": {"type": "string", "maxLength": 32}},
		{"name": "page", "in": "query", "schema": {"type": "integer", "minimum": 1}},
		{"name": "kind", "in": "query", "schema": {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}}},
		` + parameter + `]`
}

func TestEachChangeHasItsClass(t *testing.T) {
	t.Parallel()
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			before, after := edited(t), edited(t, row.edits...)
			if got, r := classOf(t, before, after); got != row.forth {
				t.Errorf("%v, want %v:\n%s", got, row.forth, r.Text())
			}
			if got, r := classOf(t, after, before); got != row.back {
				t.Errorf("the reverse: %v, want %v:\n%s", got, row.back, r.Text())
			}
		})
	}
}

// The canonical form and the merge remove these differences.
func TestSpellingsOfOneMeaningAreNoChange(t *testing.T) {
	t.Parallel()
	merged := func(doc spec.Object) spec.Object {
		documents, ops := map[string]spec.Object{}, spec.Operations{}
		for l := range spec.All(doc) {
			documents[l.Title()] = doc
			ops = append(ops, spec.Operation{Name: l.Title(), Method: strings.ToUpper(l.Method), Path: l.Path})
		}
		canonical, err := normalize.Canonical(documents, ops)
		if err != nil {
			t.Fatal(err)
		}
		out, err := normalize.Merge(canonical)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for name, edits := range map[string][]string{
		"additionalProperties of anything":         {"row/additionalProperties", "{}"},
		"empty list of required members":           {"answer/properties/success/required", "[]"},
		"defaults of a parameter written out":      {"query/style", `"form"`, "query/explode", "true", "query/required", "false", "query/allowReserved", "false", "query/allowEmptyValue", "false", "query/deprecated", "false"},
		"defaults of a path parameter written out": {"op/parameters/0/style", `"simple"`, "op/parameters/0/explode", "false"},
		"defaults of a schema written out":         {"id/nullable", "false", "id/readOnly", "false", "id/writeOnly", "false", "id/deprecated", "false", "id/minLength", "0", "row/additionalProperties", "true", "row/minProperties", "0", "answer/properties/result/uniqueItems", "false", "answer/properties/result/minItems", "0"},
		"anyOf of one":                             {"row/properties/state", `{"anyOf": [{"type": "string", "enum": ["on", "off"]}]}`},
		"allOf of one":                             {"row/properties/state", `{"allOf": [{"type": "string", "enum": ["on", "off"]}]}`},
		"oneOf of one, beside a type":              {"row/properties/count", `{"type": "integer", "oneOf": [{"minimum": 0, "maximum": 9}]}`},
	} {
		if got, r := classOf(t, merged(edited(t)), merged(edited(t, edits...))); got != None {
			t.Errorf("%s: %v:\n%s", name, got, r.Text())
		}
		if cmp.Equal(edited(t), edited(t, edits...)) {
			t.Errorf("%s: the documents are equal: the comparison shows nothing", name)
		}
	}
}

// before and after are edits of the fixture. The report must contain says.
func TestUnusualChangesHaveTheirClass(t *testing.T) {
	t.Parallel()
	failed := `{"description": "Failed.", "content": {"application/json": {"schema": {"type": "object"}}}}`
	text := `{"description": "Failed.", "content": {"text/plain": {"schema": {"type": "string"}}}}`
	for name, tt := range map[string]struct {
		before, after []string
		want          Class
		says          string
	}{
		"status with the default response":   {[]string{"op/responses/default", failed}, []string{"op/responses/default", failed, "op/responses/500", failed}, None, ""},
		"status as text beside the default":  {[]string{"op/responses/default", failed}, []string{"op/responses/default", failed, "op/responses/500", text}, Breaking, "application/json removed"},
		"deprecated member removed":          {[]string{"body/properties/labels/deprecated", "true"}, []string{"body/properties/labels", ""}, Breaking, "member labels removed"},
		"cursor of a list":                   {nil, []string{"op/parameters", paramsWith(`{"name": "cursor", "in": "query", "schema": {"type": "string"}}`)}, Breaking, "so it may read only the first page."},
		"no longer deprecated":               {[]string{"id/deprecated", "true"}, nil, Compatible, "It is no longer deprecated."},
		"deprecated parameter narrowed":      {[]string{"query/deprecated", "true"}, []string{"query/deprecated", "true", "query/schema/minimum", "2"}, Breaking, "minimum: 1 → 2"},
		"example that was never valid":       {[]string{"id/example", "5"}, []string{"id/example", "5", "id/minLength", "1"}, Compatible, "minLength added: 1"},
		"deprecated parameter removed":       {[]string{"query/deprecated", "true"}, []string{"op/parameters", `[{"name": "account_id", "in": "path", "required": true, "schema": {"type": "string", "maxLength": 32}}, {"name": "kind", "in": "query", "schema": {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}}}]`}, Breaking, "query page removed"},
		"wider format of a number":           {[]string{"query/schema/format", `"int32"`}, []string{"query/schema/format", `"int64"`}, Compatible, "format"},
		"readOnly member narrowed":           {[]string{"body/properties/labels/readOnly", "true"}, []string{"body/properties/labels/readOnly", "true", "body/properties/labels/maxItems", "3"}, Compatible, "maxItems added: 3"},
		"second server":                      {nil, []string{"/servers", `[{"url": "https://api.cloudflare.com/v4"}, {"url": "https://eu.example.com/v4"}]`}, Documentation, "The library's default address is the first server, as before."},
		"licence":                            {nil, []string{"/info/license", `{"name": "GPL"}`}, Documentation, "Check that the text may still be kept"},
		"required member that examples lack": {nil, []string{"row/properties/more", `{"type": "string"}`, "row/required", `["id", "more"]`}, Breaking, "  compatible: member more added: {\"type\":\"string\"}"},
		"additional members of any type":     {nil, []string{"row/properties/extra/additionalProperties", ""}, Breaking, "additionalProperties removed"},
		"choice of types, one a list":        {nil, []string{"row/properties/more", `{"anyOf": [{"type": "array", "items": {}}, {"type": "string"}]}`}, Compatible, `member more added: {"type":["array","string"]}`},
		"member with the name of a keyword":  {nil, []string{"row/properties/required", `{"type": "string"}`, "row/properties/example", `{"type": "string"}`}, Compatible, "member required added"},
	} {
		if got, r := classOf(t, edited(t, tt.before...), edited(t, tt.after...)); got != tt.want || !strings.Contains(r.Text(), tt.says) {
			t.Errorf("%s: %v, want %v and %q:\n%s", name, got, tt.want, tt.says, r.Text())
		}
	}
}
