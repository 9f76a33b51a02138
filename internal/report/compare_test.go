package report

import (
	"strings"
	"testing"

	"github.com/certuse/cloudflare-mtls/internal/specdoc"
)

// contract is a small contract. edits are pairs of texts to replace in it.
func contract(t *testing.T, edits ...string) specdoc.Object {
	t.Helper()
	text := `openapi: 3.0.3
info: {title: Things, version: "1", description: about}
servers: [{url: https://api.example.com/v4}]
paths:
  /things/{id}:
    get:
      operationId: list
      description: lists things
      parameters:
        - {in: path, name: id, required: true, schema: {type: string, maxLength: 36}}
        - {in: query, name: page, schema: {type: integer, minimum: 1}}
      responses:
        "200":
          description: good
          content:
            application/json:
              schema:
                type: object
                required: [success]
                properties:
                  success: {type: boolean}
                  result:
                    type: array
                    items:
                      type: object
                      required: [service]
                      properties:
                        service: {type: string, description: what, example: a}
                        status: {type: string, enum: [a, b]}
                        count: {type: number, minimum: 0}
        4XX:
          description: bad
          content: {application/json: {schema: {type: object, properties: {code: {type: integer}}}}}
      security:
        - {api_token: []}
        - {api_email: [], api_key: []}
components:
  securitySchemes:
    api_token: {type: http, scheme: bearer}
    api_email: {type: apiKey, in: header, name: X-Auth-Email}
    api_key: {type: apiKey, in: header, name: X-Auth-Key}
`
	for i := 0; i < len(edits); i += 2 {
		if !strings.Contains(text, edits[i]) {
			t.Fatalf("%q is not in the contract", edits[i])
		}
		text = strings.Replace(text, edits[i], edits[i+1], 1)
	}
	doc, err := specdoc.Decode("contract", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

const (
	service = "service: {type: string, description: what, example: a}"
	status  = "status: {type: string, enum: [a, b]}"
	count   = "count: {type: number, minimum: 0}"
	id      = "schema: {type: string, maxLength: 36}"
	page    = "        - {in: query, name: page, schema: {type: integer, minimum: 1}}\n"
	good    = "          description: good\n"
	token   = "        - {api_token: []}\n"
	op      = "/paths/~1things~1{id}/get"
	answer  = op + "/responses/200/content/application~1json/schema"
	thing   = answer + "/properties/result/items"
)

// edited is one edit of the contract with the class it has, and the class of
// undoing it.
type edited struct {
	edits   []string
	pointer string
	class   Class
	undone  Class
}

var edits = map[string]edited{
	"property added":                {[]string{count, count + "\n                        since: {type: string}"}, thing + "/properties/since", Compatible, Breaking},
	"required property added":       {[]string{count, count + "\n                        since: {type: string}", "required: [service]", "required: [service, since]"}, thing + "/properties/since", Compatible, Breaking},
	"members excluded":              {[]string{"required: [service]", "required: [service]\n                      additionalProperties: false"}, thing + "/additionalProperties", Compatible, Breaking},
	"members of one form":           {[]string{"required: [service]", "required: [service]\n                      additionalProperties: {type: string}"}, thing + "/additionalProperties", Compatible, Breaking},
	"elements once each":            {[]string{"                    items:\n", "                    uniqueItems: true\n                    items:\n"}, answer + "/properties/result/uniqueItems", Compatible, Breaking},
	"bound excluded":                {[]string{count, "count: {type: number, minimum: 0, exclusiveMinimum: true}"}, thing + "/properties/count/exclusiveMinimum", Compatible, Breaking},
	"parameter's bound excluded":    {[]string{"{type: integer, minimum: 1}", "{type: integer, minimum: 1, exclusiveMinimum: true}"}, op + "/parameters/1/schema/exclusiveMinimum", Breaking, Compatible},
	"header that nobody reads":      {[]string{good, headers("X-Tag: {schema: {type: string}}")}, op + "/responses/200/headers/X-Tag", Compatible, Compatible},
	"header that is read":           {[]string{good, headers("retry-after: {schema: {type: integer}}")}, op + "/responses/200/headers/retry-after", Compatible, Breaking},
	"type of another kind":          {[]string{service, "service: {type: integer, description: what, example: a}"}, thing + "/properties/service/type", Breaking, Breaking},
	"number becomes integer":        {[]string{count, "count: {type: integer, minimum: 0}"}, thing + "/properties/count/type", Compatible, Breaking},
	"answer no longer requires":     {[]string{"required: [service]", "required: []"}, thing + "/properties/service", Breaking, Compatible},
	"answer requires more":          {[]string{"required: [success]", "required: [success, result]"}, answer + "/properties/result", Compatible, Breaking},
	"value added to an enumeration": {[]string{status, "status: {type: string, enum: [a, b, c]}"}, thing + "/properties/status/enum", Breaking, Compatible},
	"enumeration dropped":           {[]string{status, "status: {type: string}"}, thing + "/properties/status/enum", Breaking, Compatible},
	"may be null":                   {[]string{status, "status: {type: string, nullable: true, enum: [a, b]}"}, thing + "/properties/status/nullable", Breaking, Compatible},
	"bound of an answer widened":    {[]string{count, "count: {type: number, minimum: -1}"}, thing + "/properties/count/minimum", Breaking, Compatible},
	"format of an answer":           {[]string{service, "service: {type: string, format: uuid, description: what, example: a}"}, thing + "/properties/service/format", Compatible, Breaking},
	"pattern of an answer":          {[]string{service, "service: {type: string, pattern: '^a', description: what, example: a}"}, thing + "/properties/service/pattern", Compatible, Breaking},
	"id may be longer":              {[]string{id, "schema: {type: string, maxLength: 64}"}, op + "/parameters/0/schema/maxLength", Compatible, Breaking},
	"id has a pattern":              {[]string{id, "schema: {type: string, maxLength: 36, pattern: '^[a-f]*$'}"}, op + "/parameters/0/schema/pattern", Breaking, Compatible},
	"optional parameter added":      {[]string{page, page + "        - {in: query, name: per_page, schema: {type: integer}}\n"}, op + "/parameters/2", Compatible, Compatible},
	"required parameter added":      {[]string{page, page + "        - {in: query, name: kind, required: true, schema: {type: string}}\n"}, op + "/parameters/2", Breaking, Compatible},
	"parameter becomes required":    {[]string{"name: page, schema", "name: page, required: true, schema"}, op + "/parameters/1/required", Breaking, Compatible},
	"default of a parameter":        {[]string{"{type: integer, minimum: 1}", "{type: integer, minimum: 1, default: 2}"}, op + "/parameters/1/schema/default", Breaking, Breaking},
	"way to authenticate dropped":   {[]string{token, ""}, op + "/security", Breaking, Compatible},
	"scheme sent otherwise":         {[]string{"name: X-Auth-Key", "name: X-Key"}, "/components/securitySchemes/api_key", Breaking, Breaking},
	"other first server":            {[]string{"api.example.com/v4", "api.example.com/v5"}, "/servers/0/url", Breaking, Breaking},
	"other path":                    {[]string{"/things/{id}", "/items/{id}"}, "/paths/~1items~1{id}/get", Breaking, Breaking},
	"failure described":             {[]string{"        4XX:", "        5XX: {description: worse}\n        4XX:"}, op + "/responses/5XX", Compatible, Breaking},
	"other success":                 {[]string{"        4XX:", "        \"202\": {description: later}\n        4XX:"}, op + "/responses/202", Breaking, Breaking},
	"other media type":              {[]string{"content: {application/json", "content: {text/plain: {schema: {type: string}}, application/json"}, op + "/responses/4XX/content/text~1plain", Compatible, Breaking},
	"deprecated":                    {[]string{"      operationId: list\n", "      operationId: list\n      deprecated: true\n"}, op + "/deprecated", Compatible, Compatible},
	"way to write a parameter":      {[]string{"name: page, schema", "name: page, explode: false, schema"}, op + "/parameters/1/explode", Breaking, Breaking},
	"description":                   {[]string{"description: what", "description: which"}, thing + "/properties/service/description", Documentation, Documentation},
	"example":                       {[]string{"example: a", "example: b"}, thing + "/properties/service/example", Documentation, Documentation},
	"read-only parameter":           {[]string{id, "schema: {type: string, readOnly: true, maxLength: 36}"}, op + "/parameters/0/schema/readOnly", Documentation, Documentation},
	"operation id":                  {[]string{"operationId: list", "operationId: enumerate"}, op + "/operationId", Documentation, Documentation},
	"second server":                 {[]string{"v4}]", "v4}, {url: https://x.example.com}]"}, "/servers", Documentation, Documentation},
	"link":                          {[]string{good, good + "          links: {next: {operationId: list}}\n"}, op + "/responses/200/links", Documentation, Documentation},
	"vendor's extension":            {[]string{"      operationId: list\n", "      operationId: list\n      x-cf-a: 1\n"}, op + "/x-cf-a", Documentation, Documentation},
	"permission dropped":            {[]string{"      operationId: list\n", "      operationId: list\n      x-api-token-group: [Read]\n"}, op + "/x-accepted-permissions", Breaking, Breaking},
	"permission of the member":      {[]string{"      operationId: list\n", "      operationId: list\n      x-cfPermissionsRequired: {enum: [read]}\n"}, op + "/x-cfPermissionsRequired", Breaking, Breaking},
	"licence":                       {[]string{"title: Things", "license: {name: MIT}, title: Things"}, "/info/license", Documentation, Documentation},
}

func TestEachChangeHasItsClassAndPlace(t *testing.T) {
	t.Parallel()
	for name, tt := range edits {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before, after := contract(t), contract(t, tt.edits...)
			got := Compare(before, after)
			if len(got) != 1 {
				t.Fatalf("%d changes, want one: %+v", len(got), got)
			}
			if got[0].Class != tt.class || got[0].Pointer != tt.pointer {
				t.Errorf("%v at %s, want %v at %s", got[0].Class, got[0].Pointer, tt.class, tt.pointer)
			}
			if got[0].What == "" || got[0].Meaning == "" || got[0].Place == "" {
				t.Errorf("something is not said: %+v", got[0])
			}
			if back := Compare(after, before); len(back) != 1 || back[0].Class != tt.undone {
				t.Errorf("undone: %+v, want one of class %v", back, tt.undone)
			}
		})
	}
}

// headers describes headers of an answer.
func headers(described string) string { return good + "          headers: {" + described + "}\n" }

func TestHeadersAreComparedOneByOne(t *testing.T) {
	t.Parallel()
	const read, unread = "Retry-After: {schema: {type: integer}}", "X-Tag: {schema: {type: string}}"
	for name, tt := range map[string]struct {
		before, after string
		want          Class
	}{
		"another one":                     {read, read + ", " + unread, Compatible},
		"one less":                        {read + ", " + unread, read, Compatible},
		"one less that counts":            {read + ", " + unread, unread, Breaking},
		"another form":                    {unread, "X-Tag: {schema: {type: integer}}", Compatible},
		"another form of one that counts": {read, "Retry-After: {schema: {type: string}}", Breaking},
		"another spelling":                {read, "retry-AFTER: {schema: {type: integer}}", None},
		"another description":             {unread, "X-Tag: {description: a tag, schema: {type: string}}", Documentation},
	} {
		got := Compare(contract(t, good, headers(tt.before)), contract(t, good, headers(tt.after)))
		if Worst(got) != tt.want || len(got) > 1 {
			t.Errorf("%s: %+v, want one change of class %v", name, got, tt.want)
		}
	}
}

func TestAdditionalMembersAreComparedAsSchemas(t *testing.T) {
	t.Parallel()
	with := func(value string) specdoc.Object {
		return contract(t, "required: [service]", "required: [service]\n                      additionalProperties: "+value)
	}
	for name, tt := range map[string]struct {
		before, after string
		want          Class
		pointer       string
	}{
		"true is nothing said":    {"true", "{}", None, ""},
		"excluded, then a schema": {"false", "{type: string}", Breaking, ""},
		"a schema, then excluded": {"{type: string}", "false", Compatible, ""},
		"a narrower schema":       {"{type: string}", "{type: string, pattern: a}", Compatible, "/pattern"},
		"another type":            {"{type: string}", "{type: integer}", Breaking, "/type"},
		"another description":     {"{type: string}", "{type: string, description: tag}", Documentation, "/description"},
	} {
		got := Compare(with(tt.before), with(tt.after))
		if Worst(got) != tt.want || len(got) > 1 {
			t.Errorf("%s: %+v, want one change of class %v", name, got, tt.want)
		}
		if want := thing + "/additionalProperties" + tt.pointer; len(got) == 1 && got[0].Pointer != want {
			t.Errorf("%s: at %s, want %s", name, got[0].Pointer, want)
		}
	}
}

func TestRequiredPropertyIsToldAsSuch(t *testing.T) {
	t.Parallel()
	const since = count + "\n                        since: {type: string}"
	for required, want := range map[string]string{
		"required: [service]":        `added: {"type":"string"}`,
		"required: [service, since]": `added, in every answer: {"type":"string"}`,
	} {
		got := Compare(contract(t), contract(t, count, since, "required: [service]", required))
		if len(got) != 1 || got[0].What != want {
			t.Errorf("%s: %+v, want %s", required, got, want)
		}
	}
}

func TestOrderIsNoChange(t *testing.T) {
	t.Parallel()
	after := contract(t,
		"enum: [a, b]", "enum: [b, a]",
		token+"        - {api_email: [], api_key: []}\n", "        - {api_key: [], api_email: []}\n"+token,
		"- {in: path, name: id, required: true, schema: {type: string, maxLength: 36}}\n"+page,
		"- {in: query, name: page, schema: {type: integer, minimum: 1}}\n        - {in: path, name: id, required: true, schema: {type: string, maxLength: 36}}\n")
	if got := Compare(contract(t), after); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

func TestWorstChangeComesFirst(t *testing.T) {
	t.Parallel()
	got := Compare(contract(t), contract(t, "description: what", "description: which", token, "", id, "schema: {type: string, maxLength: 64}"))
	var classes []Class
	for _, c := range got {
		classes = append(classes, c.Class)
	}
	if len(classes) != 3 || classes[0] != Breaking || classes[1] != Compatible || classes[2] != Documentation {
		t.Errorf("classes %v", classes)
	}
	if Worst(got) != Breaking || Worst(nil) != None {
		t.Errorf("worst %v, of nothing %v", Worst(got), Worst(nil))
	}
}
