package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/certuse/cloudflare-mtls/api"
)

// store is an account of the vendor's as far as an inventory sees it. Its maps go
// from what refers to certificates to their ids.
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

	// faults are answers in the place of the store's, by a part of the path.
	faults map[string]func() *http.Response

	mu       sync.Mutex
	requests map[string]int // by kind
}

type storedCertificate struct {
	id string
	ca any // true, false, or nil for absent
}

func ids(n int) string { return fmt.Sprintf("2458ce5a-0c35-4c7f-82c7-%012d", n) }

func zoneID(n int) string { return fmt.Sprintf("%032d", n) }

func (s *store) RoundTrip(req *http.Request) (*http.Response, error) {
	kind, result := s.result(req)
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
	if result == nil {
		return answer(404, `{"success":false,"errors":[{"code":7003,"message":"no such route"}]}`), nil
	}
	text, err := json.Marshal(map[string]any{"success": true, "errors": []any{}, "messages": []any{}, "result": result})
	return answer(200, string(text)), err
}

type object = map[string]any

func (s *store) result(req *http.Request) (kind string, result any) {
	path, _ := strings.CutPrefix(req.URL.Path, "/client/v4")
	inAccount, _ := strings.CutPrefix(path, "/accounts/"+account)
	switch parts := strings.Split(inAccount, "/"); {
	case path == "/zones":
		return "zones", each(s.zones, func(id string) any { return object{"id": id, "name": id[20:] + ".example", "status": "active"} })
	case strings.HasPrefix(path, "/zones/"):
		names := []string{}
		if name, ok := s.hostnames[strings.Split(path, "/")[2]+" "+req.URL.Query().Get("mtls_certificate_id")]; ok {
			names = append(names, name)
		}
		return "hostnames", object{"hostnames": names}
	case inAccount == "/mtls_certificates":
		return "certificates", each(s.certificates, storedCertificate.object)
	case strings.HasSuffix(inAccount, "/associations"):
		return "associations", each(s.associations[parts[2]], func(service string) any { return object{"service": service, "status": "active"} })
	case len(parts) == 3 && parts[1] == "mtls_certificates":
		for _, c := range s.certificates {
			if c.id == parts[2] {
				return "certificate", c.object()
			}
		}
		return "certificate", nil
	case inAccount == "/workers/scripts":
		return "workers", keys(s.workers, func(name, _ string) any { return object{"id": name} })
	case strings.HasPrefix(inAccount, "/workers/scripts/"):
		bindings := []any{object{"type": "kv_namespace", "name": "KV"}}
		if id := s.workers[parts[3]]; id != "" {
			bindings = append(bindings, object{"type": "mtls_certificate", "name": "CERT", "certificate_id": id})
		}
		return "settings", object{"bindings": bindings}
	case inAccount == "/pages/projects":
		return "pages", keys(s.pages, func(name, id string) any {
			preview := object{"mtls_certificates": object{"CERT": object{"certificate_id": id}}}
			if id == "" {
				preview = nil
			}
			return object{"name": name, "deployment_configs": object{"production": object{}, "preview": preview}}
		})
	case inAccount == "/hyperdrive/configs":
		return "hyperdrive", keys(s.hyperdrive, func(name, id string) any {
			return object{"id": "h", "name": name, "mtls": object{"ca_certificate_id": id}}
		})
	case inAccount == "/gateway/configuration":
		return "gateway", object{"settings": object{"certificate": object{"id": s.gateway, "in_use": true}}}
	case inAccount == "/devices/posture":
		return "posture", keys(s.posture, func(name, id string) any {
			return object{"name": name, "type": "client_certificate", "input": object{"certificate_id": id}}
		})
	}
	return "other", nil
}

func (c storedCertificate) object() any {
	out := object{"id": c.id, "name": "certificate " + c.id[len(c.id)-2:], "type": "custom"}
	if c.ca != nil {
		out["ca"] = c.ca
	}
	return out
}

func each[T any](list []T, do func(T) any) []any {
	out := []any{}
	for _, v := range list {
		out = append(out, do(v))
	}
	return out
}

func keys(m map[string]string, do func(key, value string) any) []any {
	names := []string{}
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return each(names, func(name string) any { return do(name, m[name]) })
}

// inventory collects the items by certificate id.
func inventory(t testing.TB, s *store, opts ...api.InventoryOption) (map[string]api.InventoryItem, error) {
	t.Helper()
	client := newClient(t, s, api.WithRateLimit(1_000_000, 1e9), api.WithMaxAttempts(1))
	items := map[string]api.InventoryItem{}
	var last error
	for item, err := range client.Inventory(t.Context(), account, opts...) {
		if last = err; err != nil {
			continue
		}
		if _, twice := items[item.Certificate.Ref.ID]; twice {
			t.Errorf("%s came twice", item.Certificate.Ref.ID)
		}
		items[item.Certificate.Ref.ID] = item
	}
	return items, last
}

// everySource is a store in which each certificate is named by one source.
func everySource() *store {
	return &store{
		certificates: []storedCertificate{{ids(0), true}, {ids(1), true}, {ids(2), false}, {ids(3), false}, {ids(4), true}, {ids(5), false}, {ids(6), true}, {ids(7), true}, {ids(8), false}},
		associations: map[string][]string{ids(0): {"gateway", "access"}},
		zones:        []string{zoneID(1), zoneID(2), zoneID(3)},
		hostnames:    map[string]string{zoneID(2) + " " + ids(1): "api.example.com"},
		workers:      map[string]string{"checkout": ids(2), "static": ""},
		pages:        map[string]string{"shop": strings.ToUpper(ids(3)), "blog": ""},
		hyperdrive:   map[string]string{"orders-db": ids(4)},
		gateway:      ids(5),
		posture:      map[string]string{"corp laptops": ids(6)},
	}
}

func refuse(status int, code int) func() *http.Response {
	return func() *http.Response {
		return answer(status, fmt.Sprintf(`{"success":false,"errors":[{"code":%d,"message":"no"}]}`, code))
	}
}

func success(result string) func() *http.Response {
	return func() *http.Response {
		return answer(200, `{"success":true,"errors":[],"messages":[],"result":`+result+`}`)
	}
}
