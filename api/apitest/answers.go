package apitest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/internal/document"
	"github.com/certuse/cloudflare-mtls/internal/sample"
)

// envelope is the body of every documented answer.
type envelope struct {
	Errors     []info      `json:"errors"`
	Messages   []info      `json:"messages"`
	Success    bool        `json:"success"`
	Result     []row       `json:"result"`
	ResultInfo *resultInfo `json:"result_info,omitempty"`
}

// row is an association; both members are optional, and an empty one of
// [api.Association] stands for none.
type row struct {
	Service string `json:"service,omitempty"`
	Status  string `json:"status,omitempty"`
}

type info struct {
	Code             int     `json:"code"`
	Message          string  `json:"message"`
	DocumentationURL string  `json:"documentation_url,omitempty"`
	Source           *source `json:"source,omitempty"`
	Chain            []info  `json:"error_chain,omitempty"`
}

type source struct {
	Pointer string `json:"pointer"`
}

type resultInfo struct {
	Count      int `json:"count"`
	Page       int `json:"page"`
	PerPage    int `json:"per_page"`
	TotalCount int `json:"total_count"`
	TotalPages int `json:"total_pages"`
}

// documentedPerPage is the page size of the vendor's example.
const documentedPerPage = 20

// Answer is a success with these associations, none meaning that the certificate
// is unused. There is one page and it is complete.
func Answer(associations ...api.Association) Response {
	return Partial(len(associations), associations...)
}

// Unused is [Answer] without associations.
func Unused() Response { return Answer() }

// Partial is the first page of a success of which total associations exist. It
// is truncated when that is more than are given.
func Partial(total int, associations ...api.Association) Response {
	n := len(associations)
	perPage := max(documentedPerPage, n)
	if total > n {
		perPage = max(1, n)
	}
	rows := make([]row, n)
	for i, association := range associations {
		rows[i] = row(association)
	}
	r := documented(http.StatusOK, envelope{
		Success: true, Result: rows,
		ResultInfo: &resultInfo{
			Count: n, Page: 1, PerPage: perPage,
			TotalCount: total, TotalPages: max(1, (total+perPage-1)/perPage),
		},
	})
	if total < n {
		r.err = fmt.Errorf("apitest: %d associations cannot be part of %d", n, total)
	}
	return r
}

// NoResult is a success without the field result, which the contract allows. It
// says nothing about the certificate.
func NoResult() Response {
	r := completed(http.StatusOK, []byte(`{"errors":[],"messages":[],"success":true}`))
	if doc, err := document.Load(); err == nil && slices.Contains(doc.Schema(http.StatusOK).Required, "result") {
		return r.Unchecked() // by then a fault, and still one to try a client with
	}
	return r
}

// Failure is a documented failure: a status 4XX with these errors.
func Failure(status int, details ...api.ErrorDetail) Response {
	r := documented(status, envelope{Errors: infos(details)})
	if status < 400 || status > 499 {
		r.err = fmt.Errorf("apitest: the contract documents no failure with status %d", status)
	}
	return r
}

// Unauthorized is the refusal of credentials that nobody has.
func Unauthorized() Response {
	return Failure(http.StatusUnauthorized, api.ErrorDetail{Code: codeAuthFailed, Message: "Authentication error"})
}

// Forbidden is the refusal of credentials that lack the permission.
func Forbidden() Response {
	return Failure(http.StatusForbidden, api.ErrorDetail{
		Code: codeAuthFailed, Message: "Authentication error",
		DocumentationURL: "https://developers.cloudflare.com/fundamentals/api/reference/permissions/",
	})
}

// NotFound is the answer for a certificate or account that does not exist.
func NotFound() Response {
	return Failure(http.StatusNotFound, api.ErrorDetail{Code: codeNoRoute, Message: "No route for the URI"})
}

// RateLimited is the refusal of a request over the quota, with the headers
// Retry-After, Ratelimit and Ratelimit-Policy. A wait is rounded up to whole
// seconds; 0 leaves the headers out.
func RateLimited(retryAfter time.Duration) Response {
	r := Failure(http.StatusTooManyRequests, api.ErrorDetail{
		Code: 971, Message: "Please wait and consider throttling your request speed",
	})
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
	if e.Errors == nil {
		e.Errors = []info{}
	}
	e.Messages = []info{}
	body, err := json.Marshal(e, json.FormatNilSliceAsNull(true))
	if err != nil {
		r := JSON(status, "")
		r.err = fmt.Errorf("apitest: %w", err)
		return r
	}
	return completed(status, body)
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

// completed adds to a body the members that the contract requires beyond those
// that this package knows, so that answers stay in a contract that has grown.
func completed(status int, body []byte) Response {
	doc, err := document.Load()
	if err == nil {
		body, err = sample.Fill(doc.Schema(status), body, own)
	}
	r := JSON(status, string(body))
	if err != nil {
		r.err = fmt.Errorf("apitest: %w", err)
	}
	return r
}

func infos(details []api.ErrorDetail) []info {
	var out []info
	for _, d := range details {
		i := info{Code: d.Code, Message: d.Message, DocumentationURL: d.DocumentationURL, Chain: infos(d.Chain)}
		if d.Pointer != "" {
			i.Source = &source{Pointer: d.Pointer}
		}
		out = append(out, i)
	}
	return out
}
