// Package account is an in-memory model of an account with everything that an
// inventory reads: see [Account.RoundTrip].
package account

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/certuse/cloudflare-mtls/api"
)

// Account is the API's data about one account. It must not change during requests.
type Account struct {
	ID           string
	Certificates []Certificate
	// Services holds the services of each certificate's associations, by certificate id.
	Services map[string][]string
	Zones    []string
	// Hostnames holds the hostname of a zone and a certificate, by both ids with a space
	// between them.
	Hostnames map[string]string
	// Referrers to certificates, by kind.
	Workers, Pages, Hyperdrive, Posture []Referrer
	// Gateway holds up to two ids, for the members certificate and custom_certificate.
	Gateway []string
	// PageSize is the API's largest page; 0 is no limit.
	PageSize int
	// Shrinking holds the sources (see Read.Source) whose list loses its first item
	// after page 1 was read.
	Shrinking map[api.Source]bool

	index   sync.Once
	workers map[string]Referrer // by name
}

// Certificate is a certificate of the account. CA is a bool or nil. If CA is nil, Null
// decides whether the member is null or absent.
type Certificate struct {
	ID   string
	CA   any
	Null bool
}

// Referrer is a Worker, a Pages project, a Hyperdrive configuration or a posture rule. A
// Hyperdrive configuration refers to at most two certificates, a posture rule to one.
type Referrer struct {
	Name         string
	Certificates []string
}

// Object is a JSON object.
type Object = map[string]any

// Read identifies what a request reads. Source is the source that needs the operation,
// or "" for the list of certificates; List reports that the response only lists objects
// that later requests read. Target holds the ids in the request other than the
// account's. Page is the number of the page, or 0 if the response is not a page.
type Read struct {
	Source api.Source
	List   bool
	Target string
	Page   int
}

// Respond returns what a request reads and the full body of its response. The body is
// nil for an unknown request.
func (a *Account) Respond(r *http.Request) (Read, Object) {
	path, query := strings.TrimPrefix(r.URL.Path, "/client/v4"), r.URL.Query()
	inAccount, _ := strings.CutPrefix(path, "/accounts/"+a.ID)
	switch parts := strings.Split(inAccount, "/"); {
	case path == "/zones" && query.Get("account.id") == a.ID:
		return a.list(r, api.SourceHostnames, a.Zones, func(id string) any {
			return Object{"id": id, "name": id + ".example", "status": "active"}
		})
	case parts[1] == "zones" && len(parts) == 5:
		target, names := parts[2]+" "+query.Get("mtls_certificate_id"), []any{}
		if name := a.Hostnames[target]; name != "" {
			names = append(names, name)
		}
		return Read{Source: api.SourceHostnames, Target: target}, envelope(Object{"hostnames": names}, nil)
	case inAccount == "/mtls_certificates":
		return page(r, a, "", a.Certificates, Certificate.object)
	case len(parts) == 4 && parts[3] == "associations":
		rows := []any{}
		for _, service := range a.Services[parts[2]] {
			rows = append(rows, Object{"service": service, "status": "active"})
		}
		return Read{Source: api.SourceAssociations, Target: parts[2]}, envelope(rows, nil)
	case inAccount == "/workers/scripts":
		return fullList(api.SourceWorkers, true, a.Workers, func(w Referrer) any { return Object{"id": w.Name} })
	case len(parts) == 5 && parts[1] == "workers":
		return a.settings(parts[3])
	case inAccount == "/pages/projects":
		return page(r, a, api.SourcePages, a.Pages, project)
	case inAccount == "/hyperdrive/configs":
		return fullList(api.SourceHyperdrive, false, a.Hyperdrive, hyperdrive)
	case inAccount == "/gateway/configuration":
		settings := Object{"antivirus": Object{"enabled": true}}
		for i, id := range a.Gateway {
			settings[[]string{"certificate", "custom_certificate"}[i]] = Object{"id": id}
		}
		return Read{Source: api.SourceGateway}, envelope(Object{"settings": settings}, nil)
	case inAccount == "/devices/posture":
		return fullList(api.SourcePosture, false, a.Posture, rule)
	}
	return Read{}, nil
}

func (a *Account) settings(name string) (Read, Object) {
	a.index.Do(func() {
		a.workers = map[string]Referrer{}
		for _, w := range a.Workers {
			a.workers[w.Name] = w
		}
	})
	worker, ok := a.workers[name]
	if !ok {
		return Read{}, nil
	}
	bindings := []any{Object{"type": "kv_namespace", "name": "KV"}}
	for i, id := range worker.Certificates {
		bindings = append(bindings, Object{"type": "mtls_certificate", "name": "C" + strconv.Itoa(i), "certificate_id": id})
	}
	return Read{Source: api.SourceWorkers, Target: name}, envelope(Object{"bindings": bindings}, nil)
}

func (c Certificate) object() any {
	out := Object{"id": c.ID, "name": "certificate " + c.ID, "type": "custom"}
	if c.CA != nil || c.Null {
		out["ca"] = c.CA
	}
	return out
}

func project(p Referrer) any {
	environments := []Object{{}, {}}
	for i, id := range p.Certificates {
		e := environments[i%2]
		if e["mtls_certificates"] == nil {
			e["mtls_certificates"] = Object{}
		}
		e["mtls_certificates"].(Object)["C"+strconv.Itoa(i)] = Object{"certificate_id": id}
	}
	return Object{"name": p.Name, "deployment_configs": Object{"production": environments[0], "preview": environments[1]}}
}

func hyperdrive(h Referrer) any {
	out, mtls := Object{"id": h.Name, "name": h.Name, "origin": Object{"scheme": "postgres"}}, Object{}
	for i, id := range h.Certificates {
		mtls[[]string{"ca_certificate_id", "mtls_certificate_id"}[i]] = id
	}
	if len(mtls) > 0 {
		out["mtls"] = mtls
	}
	return out
}

func rule(r Referrer) any {
	if len(r.Certificates) == 0 {
		return Object{"name": r.Name, "type": "file", "input": Object{"path": "/x"}}
	}
	return Object{"name": r.Name, "type": "client_certificate_v2", "input": Object{"certificate_id": r.Certificates[0]}}
}

func envelope(result any, info Object) Object {
	out := Object{"success": true, "errors": []any{}, "messages": []any{}, "result": result}
	if info != nil {
		out["result_info"] = info
	}
	return out
}

func objects[T any](list []T, object func(T) any) []any {
	out := make([]any, 0, len(list))
	for _, item := range list {
		out = append(out, object(item))
	}
	return out
}

func fullList[T any](source api.Source, isList bool, list []T, object func(T) any) (Read, Object) {
	return Read{Source: source, List: isList}, envelope(objects(list, object), nil)
}

func (a *Account) list(r *http.Request, source api.Source, ids []string, object func(string) any) (Read, Object) {
	q, body := page(r, a, source, ids, object)
	q.List = true
	return q, body
}

// page returns one page of a list: of the requested size, but at most PageSize.
func page[T any](r *http.Request, a *Account, source api.Source, list []T, object func(T) any) (Read, Object) {
	number, _ := strconv.Atoi(r.URL.Query().Get("page")) // 0 is the first
	number = max(1, number)
	if a.Shrinking[source] && number > 1 {
		list = list[1:]
	}
	size := a.PageSize
	requested, err := strconv.Atoi(r.URL.Query().Get("per_page"))
	switch {
	case size == 0 && err == nil:
		size = requested
	case size == 0:
		size = max(1, len(list))
	case err == nil:
		size = min(size, requested)
	}
	first := min((number-1)*size, len(list))
	items := objects(list[first:min(first+size, len(list))], object)
	return Read{Source: source, Page: number}, envelope(items, Object{
		"page": number, "per_page": size, "count": len(items), "total_count": len(list), "total_pages": (len(list) + size - 1) / size,
	})
}

// RoundTrip responds as the API does. It returns an error for an unknown request.
func (a *Account) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	_, body := a.Respond(r)
	if body == nil {
		return nil, fmt.Errorf("%s %s is not part of the model", r.Method, r.URL)
	}
	return Response(r, http.StatusOK, body), nil
}

// Response returns a response with a JSON body.
func Response(r *http.Request, status int, body any) *http.Response {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Request: r, ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(bytes.NewReader(text)), ContentLength: int64(len(text)),
	}
}
