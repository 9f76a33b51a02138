package published

import (
	"strings"
	"testing"
)

func TestUnusableDocumentsAreRefusedWithCauseAndPlace(t *testing.T) {
	t.Parallel()
	const (
		at       = "/paths/~1accounts~1{acct}~1mtls_certificates~1{cert}~1associations"
		cert     = "        - {$ref: '#/components/parameters/cert'}\n"
		security = "      security: [{key: []}]\n"
		servers  = "servers: [{url: https://api.cloudflare.com/client/v4}]\n"
		get      = "    get:\n      tags"
	)
	tests := map[string]struct {
		edits []string
		want  string
	}{
		"no operation":            {[]string{"/associations:", "/other:"}, "doc: /paths: the operation GET /accounts/{account_id}/mtls_certificates/{mtls_certificate_id}/associations is not in the document"},
		"no GET":                  {[]string{get, "    put:\n      tags"}, at + ": no GET"},
		"not OpenAPI":             {[]string{"openapi: 3.0.3", "asyncapi: 3.0.0"}, `/openapi: want version 3.0 or 3.1, have ""`},
		"OpenAPI 2":               {[]string{"openapi: 3.0.3", "swagger: '2.0'"}, `/openapi: want version 3.0 or 3.1, have ""`},
		"OpenAPI 3.2":             {[]string{"openapi: 3.0.3", "openapi: 3.2.0"}, `/openapi: want version 3.0 or 3.1, have "3.2.0"`},
		"no info":                 {[]string{"info:", "x-info:"}, "/info: missing, or not an object"},
		"a slash after the path":  {[]string{"/associations:", "/associations/:"}, "is not in the document"},
		"server with variables":   {[]string{"https://api.cloudflare.com/client/v4", "'https://api.cloudflare.com/client/{v}'"}, "{v}\", is not at https://api.cloudflare.com/, or its address has variables"},
		"undefined scheme":        {[]string{"    key: {type", "    key2: {type"}, at + `/get/security/0: scheme "key" is not defined`},
		"anonymous":               {[]string{security, "      security: [{}]\n"}, at + "/get/security/0: the operation allows anonymous access"},
		"anonymous beside a key":  {[]string{security, "      security: [{key: []}, {}]\n"}, at + "/get/security/1: the operation allows anonymous access"},
		"no security":             {[]string{security, ""}, "the operation allows anonymous access"},
		"anonymous by the root":   {[]string{security, "", "x-generator: something", "security: [{}]"}, "the operation allows anonymous access"},
		"other credentials":       {[]string{"scheme: bearer", "scheme: digest"}, at + "/get/security: neither an API token nor email and key are enough"},
		"more credentials":        {[]string{security, "      security: [{key: [], other: []}]\n"}, at + "/get/security: neither an API token nor email and key are enough"},
		"email by another header": {[]string{"key: {type: http, scheme: bearer}", "key: {type: apiKey, in: header, name: X-Auth-Key}", "other: {type: http, scheme: basic}", "api_email: {type: apiKey, in: header, name: X-Auth-User}", security, "      security: [{key: [], api_email: []}]\n"}, "neither an API token nor email and key are enough"},
		"no servers":              {[]string{servers, ""}, at + `/get/servers: the first server, "", is not at`},
		"staging server":          {[]string{"https://api.cloudflare.com", "https://api.staging.example.com"}, `associations/get/servers: the first server, "https://api.staging.example.com/client/v4", is not at`},
		"staging server first":    {[]string{servers, "servers: [{url: https://api.staging.example.com}, {url: https://api.cloudflare.com/client/v4}]\n"}, at + "/get/servers:"},
		"server with more host":   {[]string{"https://api.cloudflare.com", "https://api.cloudflare.com.example.com"}, at + "/get/servers:"},
		"server with a port":      {[]string{"https://api.cloudflare.com", "https://api.cloudflare.com:8443"}, at + "/get/servers:"},
		"server with a query":     {[]string{"https://api.cloudflare.com/client/v4", "'https://api.cloudflare.com/client/v4?a=b'"}, at + "/get/servers:"},
		"server without TLS":      {[]string{"https://api.cloudflare.com", "http://api.cloudflare.com"}, at + "/get/servers:"},
		"server of the operation": {[]string{get, "    get:\n      servers: [{url: https://other.example.com}]\n      tags"}, at + "/get/servers:"},
		"server of the path":      {[]string{get, "    servers: [{url: https://other.example.com}]\n" + get}, at + "/get/servers:"},
		"server with user":        {[]string{"https://api.cloudflare.com", "https://a@api.cloudflare.com"}, at + "/get/servers:"},
		"required parameter":      {[]string{cert, cert + "        - {in: query, name: kind, required: true, schema: {type: string}}\n"}, at + `/get/parameters: a new required parameter, "kind" in "query"`},
		"required by reference":   {[]string{cert, cert + "        - {$ref: '#/components/parameters/other'}\n", "name: o,", "name: o, required: true,"}, `a new required parameter, "o"`},
		"required at the path":    {[]string{get, "    parameters: [{in: header, name: X-H, required: true, schema: {type: string}}]\n" + get}, at + `/get/parameters: a new required parameter, "X-H" in "header"`},
		"reference to nothing":    {[]string{"schemas/the list", "schemas/a list"}, "points to nothing"},
		"reference to a file":     {[]string{"'#/components/schemas/the list'", "'/etc/passwd'"}, "leaves the document"},
		"relative reference":      {[]string{"'#/components/schemas/the list'", "'other.yaml#/a'"}, "leaves the document"},
		"reference to a URL":      {[]string{"'#/components/schemas/the list'", "'http://127.0.0.1:9/a.json'"}, "leaves the document"},
		"reference to itself":     {[]string{"use: {type: string", "use: {$ref: '#/components/schemas/use', type: string"}, "refers to itself"},
		"circle of references":    {[]string{"use: {type: string", "use: {properties: {a: {$ref: '#/components/schemas/parts'}}, type: object"}, "refers to itself"},
		"circle outside the cut":  {[]string{"'#/components/schemas/the list'", "'#/paths/~1zones/get/responses/200/content/application~1json/schema'", "'#/components/schemas/zone'", "'#/paths/~1zones/get/responses/200/content/application~1json/schema'"}, "refers to itself"},
		"path parameter missing":  {[]string{cert, ""}, `path parameter "cert"`},
		"the operation twice":     {[]string{"  /zones:", "  /accounts/{a}/mtls_certificates/{b}/associations: {get: {}}\n  /zones:"}, "occurs 2 times"},
		"keyword only in 3.1":     {[]string{"openapi: 3.0.3", "openapi: 3.1.0", "use: {type: string", "use: {type: string, if: {}"}, "field if of OpenAPI 3.1 has no counterpart in 3.0"},
		"another schema dialect":  {[]string{"openapi: 3.0.3", "openapi: 3.1.0\njsonSchemaDialect: https://example.com/other"}, "/jsonSchemaDialect:"},
		"duplicate key":           {[]string{"x-generator: something", "openapi: 3.0.2"}, `key "openapi" occurs twice`},
		"path item and reference": {[]string{get, "    $ref: '#/paths/~1zones'\n" + get}, "a path item by reference is not supported"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := usable("doc", whole(t, tt.edits...), operations)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want one with %q", err, tt.want)
			}
			if !strings.HasPrefix(err.Error(), "doc: ") || strings.Contains(err.Error(), "\n") {
				t.Errorf("not one line that begins with the document: %q", err)
			}
		})
	}
}

func TestUnreadableSourcesAreRefused(t *testing.T) {
	t.Parallel()
	good := packed(t, whole(t))
	for name, tt := range map[string]struct {
		source []byte
		want   string
	}{
		"nothing":             {nil, "the document is empty"},
		"blanks":              {[]byte(" \n\t"), "the document is empty"},
		"empty object":        {[]byte("{}"), "/info: missing, or not an object"},
		"empty paths":         {[]byte(`{"openapi":"3.0.3","info":{},"paths":{}}`), "/paths: the operation GET"},
		"no paths":            {[]byte(`{"openapi":"3.0.3","info":{}}`), "/paths: the operation GET"},
		"list":                {[]byte("[1]"), "the root is not an object"},
		"HTML":                {[]byte("<html><body>error 502</body></html>"), "the root is not an object"},
		"binary":              {[]byte("\x00\x01\x02\xff"), "control characters are not allowed"},
		"cut gzip":            {good[:len(good)/2], "doc: gzip:"},
		"head of gzip":        {good[:4], "doc: gzip:"},
		"damaged gzip":        {append(append([]byte{}, good[:len(good)-6]...), 0, 0, 0, 0, 0, 0), "doc: gzip:"},
		"nothing in gzip":     {packed(t, nil), "the document is empty"},
		"gzip in gzip":        {packed(t, good), "neither JSON nor YAML"},
		"larger than allowed": {make([]byte, maxSource+1), "larger than"},
		"unpacks to too much": {packed(t, make([]byte, maxSource+1)), "larger than 33554432 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Take("doc", tt.source, operations)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %.200v, want one with %q", err, tt.want)
			}
		})
	}
}
