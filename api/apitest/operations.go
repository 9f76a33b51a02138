package apitest

import (
	"cmp"
	"crypto/sha256"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/internal/document"
	"github.com/certuse/cloudflare-mtls/generated"
)

// The operations of the contract, by their ids.
const (
	opAssociations      = "listMTLSCertificateAssociations"
	opCertificates      = "listMTLSCertificates"
	opZones             = "listZones"
	opHostnames         = "listHostnameAssociations"
	opWorkers           = "listWorkers"
	opWorkerSettings    = "getWorkerSettings"
	opPagesProjects     = "listPagesProjects"
	opHyperdriveConfigs = "listHyperdriveConfigs"
	opGateway           = "getGatewayConfiguration"
	opPostureRules      = "listDevicePostureRules"
)

// handler returns the function that answers an operation from the store; nil for
// one that this server does not know.
func handler(operation string) func(*Server, call) Response {
	return map[string]func(*Server, call) Response{
		opAssociations:          associations,
		opCertificates:          certificates,
		"getMTLSCertificate":    getCertificate,
		"uploadMTLSCertificate": upload,
		"deleteMTLSCertificate": deleteCertificate,
		opHostnames:             hostnames,
		opZones:                 zones,
		opWorkers:               whole,
		opWorkerSettings:        single(nil),
		opPagesProjects:         paged,
		opHyperdriveConfigs:     whole,
		opGateway:               single(object{"settings": object{}}),
		opPostureRules:          whole,
	}[operation]
}

// call is a request to an operation.
type call struct {
	op     *document.Operation // nil: the contract has none for it
	params map[string]string   // of the path
	query  url.Values
	body   []byte
}

// parameter returns the value of a path or query parameter.
func (c call) parameter(name string) string { return cmp.Or(c.params[name], c.query.Get(name)) }

func (c call) account() string { return c.params["account_id"] }

func (c call) certificate() string { return c.params["mtls_certificate_id"] }

// values returns what the store has for the operation.
func (s *Server) values(p place) []any {
	values := []any{}
	for _, e := range s.store[p] {
		values = append(values, e.value)
	}
	return values
}

// whole answers with a list that has no pages.
func whole(s *Server, c call) Response {
	if !s.accounts[c.account()] {
		return NotFound()
	}
	return jsonResult(s.values(place{operation: c.op.ID, account: c.account()}))
}

// paged answers with a page of a list.
func paged(s *Server, c call) Response {
	if !s.accounts[c.account()] {
		return NotFound()
	}
	return s.page(c, s.values(place{operation: c.op.ID, account: c.account()}))
}

// single answers with one object. Without a fallback, one that the store does not
// have is not found.
func single(fallback any) func(*Server, call) Response {
	return func(s *Server, c call) Response {
		values := s.values(place{operation: c.op.ID, account: c.account(), name: c.params["script_name"]})
		switch {
		case !s.accounts[c.account()], len(values) == 0 && fallback == nil:
			return NotFound()
		case len(values) == 0:
			return jsonResult(fallback)
		}
		return jsonResult(values[0])
	}
}

// page answers with the page of the list that the request asks for.
func (s *Server) page(c call, values []any) Response {
	page, perPage := 1, s.pageSize
	for name, value := range map[string]*int{"page": &page, "per_page": &perPage} {
		if !c.query.Has(name) {
			continue
		}
		n, err := strconv.Atoi(c.query.Get(name))
		if err != nil || n < 1 {
			return Failure(http.StatusBadRequest, api.ErrorDetail{Code: codeNoRoute, Message: "invalid value of " + name})
		}
		*value = n
	}
	perPage = min(perPage, s.pageSize)
	from := min((page-1)*perPage, len(values))
	part := values[from:min(from+perPage, len(values))]
	r := jsonResult(part)
	r.envelope.ResultInfo = infoOf(len(part), page, perPage, len(values))
	return r
}

func associations(s *Server, c call) Response {
	if _, known := s.certificate(c.account(), c.certificate()); !known {
		return NotFound()
	}
	rows := s.values(place{operation: c.op.ID, account: c.account(), name: c.certificate()})
	r := jsonResult(rows)
	r.envelope.ResultInfo = infoOf(len(rows), 1, max(documentedPerPage, len(rows)), len(rows))
	return r
}

func certificates(s *Server, c call) Response {
	if !s.accounts[c.account()] {
		return NotFound()
	}
	values := s.values(place{operation: c.op.ID, account: c.account()})
	if c.query.Has("type") {
		types := strings.Split(c.query.Get("type"), ",")
		values = slices.DeleteFunc(values, func(value any) bool {
			certificate, ok := value.(generated.Certificate)
			return !ok || !slices.Contains(types, certificate.Type)
		})
	}
	return s.page(c, values)
}

func getCertificate(s *Server, c call) Response {
	certificate, known := s.certificate(c.account(), c.certificate())
	if !known {
		return noCertificate()
	}
	return jsonResult(certificate)
}

func noCertificate() Response {
	return Failure(http.StatusNotFound, api.ErrorDetail{Code: codeNoCertificate, Message: "Certificate not found"})
}

// upload gives the same certificate the same id again, also after its deletion.
func upload(s *Server, c call) Response {
	var body generated.CertificateRequest
	if err := json.Unmarshal(c.body, &body); err != nil {
		return Failure(http.StatusBadRequest, api.ErrorDetail{Code: codeNoRoute, Message: "unable to parse the request"})
	}
	details := Certificate{Name: body.Name, CA: body.Ca, PEM: body.Certificates, UploadedOn: time.Now()}
	sum := digest(c.account(), body.Certificates)
	id := cmp.Or(s.ids[sum], fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16]))
	described, err := details.describe(id)
	if err != nil {
		return Failure(http.StatusBadRequest, api.ErrorDetail{Code: codeNoRoute, Message: "unable to parse certificate"})
	}
	if _, known := s.certificate(c.account(), id); known {
		return Failure(http.StatusBadRequest, api.ErrorDetail{Code: codeKnownCertificate, Message: "This certificate already exists"})
	}
	s.ids[sum] = id
	if err := s.put(place{operation: opCertificates, account: c.account()}, id, described); err != nil {
		return Response{err: err}
	}
	return jsonResult(described)
}

// digest identifies the first certificate of a PEM text within an account: the
// vendor rewrites the text.
func digest(account, text string) [sha256.Size]byte {
	content := []byte(text)
	if block, _ := pem.Decode(content); block != nil {
		content = block.Bytes
	}
	return sha256.Sum256(slices.Concat([]byte(account), []byte{0}, content))
}

// deleteCertificate refuses what the vendor manages, and what anything in the
// store refers to.
func deleteCertificate(s *Server, c call) Response {
	certificate, known := s.certificate(c.account(), c.certificate())
	switch {
	case !known:
		return noCertificate()
	case certificate.Type != "custom":
		return Forbidden()
	case s.inUse(c.account(), c.certificate()):
		return Failure(http.StatusBadRequest, api.ErrorDetail{Code: codeInUse, Message: "The certificate cannot be deleted at this time"})
	}
	list := place{operation: opCertificates, account: c.account()}
	s.store[list] = slices.DeleteFunc(slices.Clone(s.store[list]), func(e entry) bool { return e.key == c.certificate() })
	return jsonResult(certificate)
}

// inUse reports whether the store has something under the certificate's id, or
// something that holds the id.
func (s *Server) inUse(account, id string) bool {
	for p, entries := range s.store {
		if p.account != account || p.operation == opCertificates {
			continue
		}
		for _, e := range entries {
			text, err := json.Marshal(e.value)
			if err != nil || p.name == id || strings.Contains(string(text), strconv.Quote(id)) {
				return true
			}
		}
	}
	return false
}

func hostnames(s *Server, c call) Response {
	account, known := s.accountOf(c.params["zone_id"])
	if !known {
		return NotFound()
	}
	id := c.query.Get("mtls_certificate_id")
	p := place{operation: c.op.ID, account: account, zone: c.params["zone_id"], name: id}
	if _, known := s.certificate(account, id); id != "" && !known && s.store[p] == nil {
		return noCertificate()
	}
	return jsonResult(object{"hostnames": s.values(p)})
}

func zones(s *Server, c call) Response {
	values := []any{}
	for _, account := range slices.Sorted(maps.Keys(s.accounts)) {
		if c.query.Has("account.id") && c.query.Get("account.id") != account {
			continue
		}
		for _, value := range s.values(place{operation: c.op.ID, account: account}) {
			zone, ok := value.(generated.Zone)
			if ok && cmp.Or(c.query.Get("name"), zone.Name) == zone.Name && cmp.Or(c.query.Get("status"), zone.Status) == zone.Status {
				values = append(values, zone)
			}
		}
	}
	return s.page(c, values)
}
