package apitest

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/internal/sample"
	"github.com/certuse/cloudflare-mtls/generated"
)

// envelope is the body of every documented answer.
type envelope struct {
	Errors     []info `json:"errors"`
	Messages   []info `json:"messages"`
	Success    bool   `json:"success"`
	Result     any    `json:"result,omitzero"`
	ResultInfo object `json:"result_info,omitzero"`
}

// null is a result that is there and says nothing.
var null = jsontext.Value("null")

type info struct {
	Code             int                          `json:"code"`
	Message          string                       `json:"message"`
	DocumentationURL string                       `json:"documentation_url,omitempty"`
	Source           generated.ResponseInfoSource `json:"source,omitzero"`
	Chain            []info                       `json:"error_chain,omitempty"`
}

// documentedPerPage is the page size of the vendor's example.
const documentedPerPage = 20

// Associations is a success with these associations, none meaning that the list
// is empty. There is one page and it is complete.
func Associations(associations ...api.Association) Response {
	return PartialAssociations(len(associations), associations...)
}

// NoAssociations is [Associations] without any.
func NoAssociations() Response { return Associations() }

// PartialAssociations is the first page of a success of which total associations
// exist. It is truncated when that is more than are given.
func PartialAssociations(total int, associations ...api.Association) Response {
	n := len(associations)
	perPage := max(documentedPerPage, n)
	if total > n {
		perPage = max(1, n)
	}
	rows := make([]generated.Association, n) // of which empty members are left out
	for i, association := range associations {
		rows[i] = generated.Association(association)
	}
	r := jsonResult(rows)
	r.envelope.ResultInfo = pageOf(n, 1, perPage, total)
	if total < n {
		r.err = fmt.Errorf("apitest: %d associations cannot be part of %d", n, total)
	}
	return r
}

// jsonResult is a success with a result of any operation.
func jsonResult(result any) Response {
	return documented(http.StatusOK, envelope{Success: true, Result: result})
}

// pageOf describes a page, as the member result_info does.
func pageOf(count, page, perPage, total int) object {
	pages := max(1, (total+perPage-1)/perPage)
	return object{"count": count, "page": page, "per_page": perPage, "total_count": total, "total_pages": pages}
}

// NoResult is a success without the field result, which the contract allows. It
// says nothing about what was asked.
func NoResult() Response {
	return documented(http.StatusOK, envelope{Success: true})
}

// Failure is a documented failure: a status 4XX with these errors.
func Failure(status int, details ...api.ErrorDetail) Response {
	r := documented(status, envelope{Errors: infos(details), Result: null})
	if status < 400 || status > 499 {
		r.err = fmt.Errorf("apitest: the contract documents no failure with status %d", status)
	}
	return r
}

// refusal is a failure with one error.
func refusal(status, code int, message string) Response {
	return Failure(status, api.ErrorDetail{Code: code, Message: message})
}

// Unauthorized is the refusal of unknown credentials.
func Unauthorized() Response {
	return refusal(http.StatusUnauthorized, codeAuthFailed, "Authentication error")
}

// Forbidden is the refusal of credentials that lack the permission.
func Forbidden() Response {
	return Failure(http.StatusForbidden, api.ErrorDetail{
		Code: codeAuthFailed, Message: "Authentication error",
		DocumentationURL: "https://developers.cloudflare.com/fundamentals/api/reference/permissions/",
	})
}

// NotFound is the answer for an account, and for most things, that do not exist.
func NotFound() Response {
	return refusal(http.StatusNotFound, codeNoRoute, "No route for the URI")
}

// RateLimited is the refusal of a request over the quota, with the headers
// Retry-After, Ratelimit and Ratelimit-Policy. A wait is rounded up to whole
// seconds; 0 leaves the headers out.
func RateLimited(retryAfter time.Duration) Response {
	r := refusal(http.StatusTooManyRequests, 971, "Please wait and consider throttling your request speed")
	if retryAfter < 0 {
		r.err = fmt.Errorf("apitest: cannot ask for a wait of %v", retryAfter)
	}
	if retryAfter == 0 {
		return r
	}
	seconds := strconv.FormatInt(int64((retryAfter+time.Second-1)/time.Second), 10)
	return r.WithHeader("Retry-After", seconds).
		WithHeader("Ratelimit", `"default";r=0;t=`+seconds).
		WithHeader("Ratelimit-Policy", `"default";q=1200;w=300`)
}

// documented makes an answer that claims to keep to the contract.
func documented(status int, e envelope) Response {
	r := JSON(status, "")
	r.envelope = &e
	return r
}

// text writes the envelope with all members that a schema requires, so that
// answers keep to a contract that requires more than this package knows.
func (e envelope) text(schema *openapi3.SchemaRef) ([]byte, error) {
	body, err := json.Marshal(e, json.Deterministic(true))
	if err != nil {
		return nil, err
	}
	return sample.Fill(schema, body, own)
}

// own is what an answer has for members that the caller decides on and has left
// empty, should the contract require them: nothing is made up for these.
var own = map[string]string{
	"/result":                     "", // an answer without it is about just that
	"/result/*/service":           `""`,
	"/result/*/status":            `""`,
	"/errors/*/documentation_url": `""`,
	"/errors/*/source":            `{}`,
	"/errors/*/source/pointer":    `""`,
	"/errors/*/error_chain":       `[]`,
}

func infos(details []api.ErrorDetail) []info {
	var out []info
	for _, d := range details {
		out = append(out, info{d.Code, d.Message, d.DocumentationURL, generated.ResponseInfoSource{Pointer: d.Pointer}, infos(d.Chain)})
	}
	return out
}
