package apitest

import (
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/generated"
)

// envelope is the body of every documented response.
type envelope struct {
	Errors     []info `json:"errors"`
	Messages   []info `json:"messages"`
	Success    bool   `json:"success"`
	Result     any    `json:"result,omitzero"`
	ResultInfo object `json:"result_info,omitzero"`
}

// null is a result that is null, not absent.
var null = jsontext.Value("null")

type info struct {
	Code             int                          `json:"code"`
	Message          string                       `json:"message"`
	DocumentationURL string                       `json:"documentation_url,omitempty"`
	Source           generated.ResponseInfoSource `json:"source,omitzero"`
	Chain            []info                       `json:"error_chain,omitempty"`
}

// documentedPerPage is the page size in the vendor's example of a list of associations.
const documentedPerPage = 20

// Associations returns a success with one complete page of these associations.
func Associations(associations ...api.Association) Response {
	return PartialAssociations(len(associations), associations...)
}

// NoAssociations returns a success with an empty list.
func NoAssociations() Response { return Associations() }

// PartialAssociations returns a success with the first page of a list that has total
// associations. The list is truncated if total is greater than the number of arguments.
func PartialAssociations(total int, associations ...api.Association) Response {
	n := len(associations)
	perPage := max(documentedPerPage, n)
	if total > n {
		perPage = max(1, n)
	}
	rows := make([]generated.Association, n) // whose JSON omits empty members
	for i, association := range associations {
		// Not a conversion: a member that the vendor adds must not break the build.
		rows[i] = generated.Association{Service: association.Service, Status: association.Status}
	}
	r := jsonResult(rows)
	r.envelope.ResultInfo = pageOf(n, 1, perPage, total)
	return r.failIf(total < n, "%d associations cannot be part of %d", n, total)
}

// jsonResult returns a success with a result of any operation.
func jsonResult(result any) Response {
	return documented(http.StatusOK, envelope{Success: true, Result: result})
}

// pageOf returns the result_info of a page.
func pageOf(count, page, perPage, total int) object {
	pages := max(1, (total+perPage-1)/perPage)
	return object{"count": count, "page": page, "per_page": perPage, "total_count": total, "total_pages": pages}
}

// NoResult returns a success without a result, which the contract allows.
func NoResult() Response {
	return documented(http.StatusOK, envelope{Success: true})
}

// Failure returns a documented failure: a status 4XX with these errors.
func Failure(status int, details ...api.ErrorDetail) Response {
	r := documented(status, envelope{Errors: infos(details), Result: null})
	return r.failIf(status < 400 || status > 499, "the contract documents no failure with status %d", status)
}

// refusal returns a failure with one error.
func refusal(status, code int, message string) Response {
	return Failure(status, api.ErrorDetail{Code: code, Message: message})
}

// Unauthorized returns the refusal of unknown credentials.
func Unauthorized() Response {
	return refusal(http.StatusUnauthorized, codeAuthFailed, "Authentication error")
}

// Forbidden returns the refusal of credentials that lack the permission.
func Forbidden() Response {
	return Failure(http.StatusForbidden, api.ErrorDetail{
		Code: codeAuthFailed, Message: "Authentication error",
		DocumentationURL: "https://developers.cloudflare.com/fundamentals/api/reference/permissions/",
	})
}

// NotFound returns the response, with code 7003, for a path, an account or another
// object that does not exist. For a missing certificate, only the list of its
// associations has this code; the other operations have code 1472.
func NotFound() Response {
	return refusal(http.StatusNotFound, codeNoRoute, "No route for the URI")
}

// RateLimited returns the response to a request over the limit, with the headers
// Retry-After, Ratelimit and Ratelimit-Policy. The wait is rounded up to whole seconds;
// 0 leaves the headers out.
func RateLimited(retryAfter time.Duration) Response {
	r := refusal(http.StatusTooManyRequests, 971, "Please wait and consider throttling your request speed")
	if retryAfter == 0 {
		return r
	}
	seconds := strconv.FormatInt(int64((retryAfter+time.Second-1)/time.Second), 10)
	return r.failIf(retryAfter < 0, "a wait of %v is negative", retryAfter).
		WithHeader("Retry-After", seconds).
		WithHeader("Ratelimit", `"default";r=0;t=`+seconds).
		WithHeader("Ratelimit-Policy", `"default";q=1200;w=300`)
}

// documented returns a response that must match the contract.
func documented(status int, e envelope) Response {
	r := JSON(status, "")
	r.envelope = &e
	return r
}

// callerMembers has the members that the caller can set, and the JSON text that each of
// them gets, in place of a sample value, if it is required and not set.
var callerMembers = map[string]string{
	"/result":                     "", // stays absent, see NoResult
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
