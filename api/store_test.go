package api_test

import (
	"crypto/sha256"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/certuse/cloudflare-mtls/api"
)

// store is a fake account with certificates and their users. Its maps go from users to
// certificate ids, unless their comment states otherwise. As a transport, it serves
// requests; its final content shows their real effect.
type store struct {
	certificates []storedCertificate
	associations map[string][]string // certificate to services
	zones        []string
	hostnames    map[string]string // zone and certificate to a hostname
	workers      map[string]string // script to certificate; "" binds none
	pages        map[string]string
	hyperdrive   map[string]string
	gateway      string
	posture      map[string]string

	// faults are responses in place of the store's, by a part of the path and query. If
	// a fault returns nil, the store responds.
	faults map[string]func() *http.Response
	// before, if not nil, is called before each request without a fault. If it returns
	// a response or an error, the request has no effect.
	before func(kind string, req *http.Request) (*http.Response, error)
	// after, if not nil, replaces the response to a request that had its effect.
	after func(kind string, resp *http.Response) (*http.Response, error)
	// hidden makes the list of certificates empty. Each can still be read by its id.
	hidden bool
	// copies makes the store keep a certificate as often as it is uploaded.
	copies bool

	mu       sync.Mutex
	requests map[string]int // by kind
	keys     []string       // private keys that were uploaded
}

type storedCertificate struct {
	id string
	ca any // true, false, or nil for absent

	kind, name, pem string // kind is the type, "custom" if it is empty
}

func certificateID(n int) string { return fmt.Sprintf("2458ce5a-0c35-4c7f-82c7-%012d", n) }

func ref(n int) api.CertificateRef {
	return api.CertificateRef{AccountID: account, ID: certificateID(n)}
}

func zoneID(n int) string { return fmt.Sprintf("%032d", n) }

// refusal is a failure from the API itself.
type refusal struct {
	status, code int
	message      string
}

func (s *store) RoundTrip(req *http.Request) (*http.Response, error) {
	kind := operationOf(req)
	s.mu.Lock()
	if s.requests == nil {
		s.requests = map[string]int{}
	}
	s.requests[kind]++
	s.mu.Unlock()
	path := req.URL.Path + "?" + req.URL.RawQuery
	for part, fault := range s.faults {
		if strings.Contains(path, part) {
			if resp := fault(); resp != nil {
				return resp, nil
			}
		}
	}
	if s.before != nil {
		if resp, err := s.before(kind, req); resp != nil || err != nil {
			return resp, err
		}
	}
	resp := s.respond(kind, req)
	if s.after != nil {
		return s.after(kind, resp)
	}
	return resp, nil
}

func (s *store) respond(kind string, req *http.Request) *http.Response {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch result := s.result(kind, req).(type) {
	case nil:
		return response(404, `{"success":false,"errors":[{"code":7003,"message":"no such route"}]}`)
	case refusal:
		return response(result.status, fmt.Sprintf(`{"success":false,"errors":[{"code":%d,"message":%q}],"messages":[],"result":null}`, result.code, result.message))
	default:
		body := map[string]any{"success": true, "errors": []any{}, "messages": []any{}, "result": result}
		if list, ok := result.([]any); ok && slices.Contains([]string{"zones", "certificates", "pages"}, kind) {
			body["result_info"] = object{"page": 1, "count": len(list), "total_count": len(list), "total_pages": 1}
		}
		text, err := json.Marshal(body)
		if err != nil {
			panic(err)
		}
		return response(200, string(text))
	}
}

type object = map[string]any

// operationOf returns the name of the operation of a request.
func operationOf(req *http.Request) string {
	path, _ := strings.CutPrefix(req.URL.Path, "/client/v4/")
	inAccount, found := strings.CutPrefix(path, "accounts/"+account+"/")
	parts := strings.Split(inAccount, "/")
	one := found && parts[0] == "mtls_certificates" && len(parts) == 2
	switch {
	case path == "zones":
		return "zones"
	case strings.HasPrefix(path, "zones/"):
		return "hostnames"
	case inAccount == "mtls_certificates" && req.Method == http.MethodPost:
		return "upload"
	case inAccount == "mtls_certificates":
		return "certificates"
	case one && req.Method == http.MethodDelete:
		return "delete"
	case one:
		return "certificate"
	case found && strings.HasSuffix(inAccount, "/associations"):
		return "associations"
	case found && len(parts) == 4 && parts[0] == "workers":
		return "settings"
	case found:
		return parts[0]
	}
	return "other"
}

func (s *store) result(kind string, req *http.Request) any {
	parts := strings.Split(req.URL.Path, "/")
	last := parts[len(parts)-1]
	switch kind {
	case "zones":
		return mapSlice(s.zones, func(id string) any { return object{"id": id, "name": id[20:] + ".example", "status": "active"} })
	case "hostnames":
		if !slices.Contains(s.zones, parts[4]) {
			return refusal{404, 7003, "no such zone"}
		}
		names := []string{}
		if name, ok := s.hostnames[parts[4]+" "+req.URL.Query().Get("mtls_certificate_id")]; ok {
			names = append(names, name)
		}
		return object{"hostnames": names}
	case "certificates":
		if s.hidden {
			return []any{}
		}
		return mapSlice(s.certificates, storedCertificate.object)
	case "associations":
		return mapSlice(s.associations[parts[6]], func(service string) any { return object{"service": service, "status": "active"} })
	case "certificate":
		if at := s.find(last); at >= 0 {
			return s.certificates[at].object()
		}
		return refusal{404, 1472, "certificate not found"}
	case "delete":
		return s.delete(last)
	case "upload":
		return s.upload(req)
	case "workers":
		return mapKeys(s.workers, func(name, _ string) any { return object{"id": name} })
	case "settings":
		id, known := s.workers[parts[7]]
		if !known {
			return refusal{404, 10007, "no such Worker"}
		}
		bindings := []any{object{"type": "kv_namespace", "name": "KV"}}
		if id != "" {
			bindings = append(bindings, object{"type": "mtls_certificate", "name": "CERT", "certificate_id": id})
		}
		return object{"bindings": bindings}
	case "pages":
		return mapKeys(s.pages, func(name, id string) any {
			preview := object{"mtls_certificates": object{"CERT": object{"certificate_id": id}}}
			if id == "" {
				preview = nil
			}
			return object{"name": name, "deployment_configs": object{"production": object{}, "preview": preview}}
		})
	case "hyperdrive":
		return mapKeys(s.hyperdrive, func(name, id string) any {
			return object{"id": "h", "name": name, "origin": object{}, "mtls": object{"ca_certificate_id": id}}
		})
	case "gateway":
		return object{"settings": object{"certificate": object{"id": s.gateway, "in_use": s.gateway != ""}}}
	case "devices":
		return mapKeys(s.posture, func(name, id string) any {
			return object{"name": name, "type": "client_certificate", "input": object{"certificate_id": id}}
		})
	}
	return nil
}

func (s *store) find(id string) int {
	return slices.IndexFunc(s.certificates, func(c storedCertificate) bool { return c.id == id })
}

// delete refuses a second deletion, and a certificate that something other than a
// hostname uses, as the vendor does.
func (s *store) delete(id string) any {
	at := s.find(id)
	uses := slices.Concat(slices.Collect(maps.Values(s.workers)), slices.Collect(maps.Values(s.pages)),
		slices.Collect(maps.Values(s.hyperdrive)), slices.Collect(maps.Values(s.posture)), []string{s.gateway})
	switch {
	case at < 0:
		return refusal{400, 1472, "certificate not found"}
	case len(s.associations[id]) > 0 || slices.Contains(uses, id):
		return refusal{400, 1407, "certificate has active associations"}
	}
	defer func() { s.certificates = slices.Delete(s.certificates, at, at+1) }()
	return s.certificates[at].object()
}

// upload stores a certificate. The same certificate gets the same id each time.
func (s *store) upload(req *http.Request) any {
	var body struct {
		CA           bool   `json:"ca"`
		Certificates string `json:"certificates"`
		Name         string `json:"name"`
		PrivateKey   string `json:"private_key"`
	}
	if err := json.NewDecoder(req.Body).Decode(&body); err != nil {
		panic(err)
	}
	block, _ := pem.Decode([]byte(body.Certificates))
	id := fmt.Sprintf("%x", sha256.Sum256(block.Bytes))[:32]
	if s.find(id) >= 0 && !s.copies {
		return refusal{400, 1471, "certificate already exists"}
	}
	s.keys = append(s.keys, body.PrivateKey)
	stored := storedCertificate{id, body.CA, "custom", body.Name, crlf(body.Certificates)}
	s.certificates = append(s.certificates, stored)
	return stored.object()
}

func crlf(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r", ""), "\n", "\r\n")
}

func (c storedCertificate) object() any {
	out := object{"id": c.id, "name": c.name, "type": c.kind}
	if c.name == "" {
		out["name"] = "certificate " + c.id[len(c.id)-2:]
	}
	if c.kind == "" {
		out["type"] = "custom"
	}
	if c.ca != nil {
		out["ca"] = c.ca
	}
	if c.pem != "" {
		out["certificates"] = c.pem
	}
	return out
}

func mapSlice[T any](list []T, do func(T) any) []any {
	out := []any{}
	for _, v := range list {
		out = append(out, do(v))
	}
	return out
}

func mapKeys(m map[string]string, do func(key, value string) any) []any {
	return mapSlice(slices.Sorted(maps.Keys(m)), func(name string) any { return do(name, m[name]) })
}

// count returns how often an operation was called.
func (s *store) count(kind string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests[kind]
}

// total returns the number of all requests.
func (s *store) total() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, requests := range s.requests {
		n += requests
	}
	return n
}

// has returns how often the store has a certificate.
func (s *store) has(id string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.certificates {
		if c.id == id {
			n++
		}
	}
	return n
}

// inventory collects the items by certificate id.
func inventory(t testing.TB, s *store, opts ...api.InventoryOption) (map[string]api.InventoryItem, error) {
	t.Helper()
	client := newClient(t, s, api.WithRateLimit(1_000_000, 1e9), api.WithMaxAttempts(1))
	items := map[string]api.InventoryItem{}
	var last error
	for item, err := range client.Inventory(t.Context(), account, opts...) {
		if last != nil || err != nil && item.Certificate.Ref.ID+item.Certificate.Ref.AccountID != "" {
			t.Errorf("got %+v with the error %v, after %v", item, err, last)
		}
		if last = err; err != nil {
			continue
		}
		if _, twice := items[item.Certificate.Ref.ID]; twice {
			t.Errorf("%s was yielded twice", item.Certificate.Ref.ID)
		}
		items[item.Certificate.Ref.ID] = item
	}
	return items, last
}

// everySource returns a store in which each source names one certificate, and no source
// names the last two.
func everySource() *store {
	return &store{
		certificates: []storedCertificate{{id: certificateID(0), ca: true}, {id: certificateID(1), ca: true}, {id: certificateID(2), ca: false}, {id: certificateID(3), ca: false}, {id: certificateID(4), ca: true}, {id: certificateID(5), ca: false}, {id: certificateID(6), ca: true}, {id: certificateID(7), ca: true}, {id: certificateID(8), ca: false}},
		associations: map[string][]string{certificateID(0): {"gateway", "access"}},
		zones:        []string{zoneID(1), zoneID(2), zoneID(3)},
		hostnames:    map[string]string{zoneID(2) + " " + certificateID(1): "api.example.com"},
		workers:      map[string]string{"checkout": certificateID(2), "static": ""},
		pages:        map[string]string{"shop": strings.ToUpper(certificateID(3)), "blog": ""},
		hyperdrive:   map[string]string{"orders-db": certificateID(4)},
		gateway:      certificateID(5),
		posture:      map[string]string{"corp laptops": certificateID(6)},
	}
}

func refuse(status int, code int) func() *http.Response {
	return func() *http.Response {
		return response(status, fmt.Sprintf(`{"success":false,"errors":[{"code":%d,"message":"no"}]}`, code))
	}
}

func success(result string) func() *http.Response {
	return func() *http.Response {
		return response(200, `{"success":true,"errors":[],"messages":[],"result":`+result+`}`)
	}
}
