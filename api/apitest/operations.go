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

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-json-experiment/json"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/internal/apispec"
	"github.com/certuse/cloudflare-mtls/generated"
)

// Ids of the operations that this package names more than once.
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

// handlers serve the operations from the store.
var handlers = map[string]func(*Server, call) Response{
	opAssociations:          associations,
	opCertificates:          list,
	"getMTLSCertificate":    getCertificate,
	"uploadMTLSCertificate": upload,
	"deleteMTLSCertificate": deleteCertificate,
	opHostnames:             hostnames,
	opZones:                 list,
	opWorkers:               list,
	opWorkerSettings:        entryOf,
	opPagesProjects:         list,
	opHyperdriveConfigs:     list,
	opGateway:               entryOf,
	opPostureRules:          list,
}

// call is a request to an operation.
type call struct {
	op     *apispec.Operation // nil if the contract has no operation for the request
	params map[string]string  // of the path
	query  url.Values
	body   []byte
}

// parameter returns the value of a path or query parameter.
func (c call) parameter(name string) string { return cmp.Or(c.params[name], c.query.Get(name)) }

func (c call) account() string { return c.params["account_id"] }

// certificate returns the certificate in the path; zero if there is none.
func (c call) certificate() (cert api.CertificateRef) {
	if id := c.params["mtls_certificate_id"]; id != "" {
		cert = api.CertificateRef{AccountID: c.account(), ID: id}
	}
	return cert
}

// list returns the entries that the query selects, or a page of them if the operation
// has pages.
func list(s *Server, c call) Response {
	if c.account() != "" && !s.hasAccount(c.account()) {
		return NotFound()
	}
	values := []any{}
	for _, e := range s.store[c.op.ID] {
		if (c.account() == "" || c.account() == e.account) && e.selected(c.query) {
			values = append(values, e.value)
		}
	}
	if c.op.Operation.Parameters.GetByInAndName(openapi3.ParameterInQuery, "page") == nil {
		return jsonResult(values)
	}
	return s.page(c, values)
}

// selected reports whether the entry matches the filters of a query.
func (e entry) selected(query url.Values) bool {
	for name, value := range e.filter {
		if query.Has(name) && !slices.Contains(strings.Split(query.Get(name), ","), value) {
			return false
		}
	}
	return true
}

// entryOf returns the entry for a Worker or for the account.
func entryOf(s *Server, c call) Response {
	e := s.find(c.op.ID, c.account(), cmp.Or(c.params["script_name"], c.account()))
	if e == nil {
		return NotFound()
	}
	return jsonResult(e.value)
}

// page returns the requested page of values.
func (s *Server) page(c call, values []any) Response {
	page, perPage := 1, s.pageSize
	for name, value := range map[string]*int{"page": &page, "per_page": &perPage} {
		if !c.query.Has(name) {
			continue
		}
		n, err := strconv.Atoi(c.query.Get(name))
		if err != nil || n < 1 {
			return refusal(http.StatusBadRequest, codeNoRoute, "invalid value of "+name)
		}
		*value = n
	}
	perPage = min(perPage, s.pageSize)
	from := min(min(page-1, len(values))*perPage, len(values)) // bounded first: the product could overflow
	part := values[from:min(from+perPage, len(values))]
	r := jsonResult(part)
	r.envelope.ResultInfo = pageOf(len(part), page, perPage, len(values))
	return r
}

func associations(s *Server, c call) Response {
	if s.certificate(c.certificate()) == nil {
		return NotFound()
	}
	return Associations(s.associations[c.certificate()]...)
}

func getCertificate(s *Server, c call) Response {
	e := s.certificate(c.certificate())
	if e == nil {
		return certificateNotFound()
	}
	return jsonResult(e.value)
}

func certificateNotFound() Response {
	return refusal(http.StatusNotFound, codeCertificateNotFound, "Certificate not found")
}

// upload stores a certificate. The same certificate gets the same id, also after its
// deletion.
func upload(s *Server, c call) Response {
	var body generated.CertificateRequest
	if err := json.Unmarshal(c.body, &body); err != nil {
		return refusal(http.StatusBadRequest, codeNoRoute, "unable to parse the request")
	}
	details := Certificate{Name: body.Name, CA: body.Ca, PEM: body.Certificates, UploadedOn: time.Now()}
	sum := digest(c.account(), body.Certificates)
	id := cmp.Or(s.ids[sum], fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16]))
	described, err := details.describe(id)
	if err != nil {
		return refusal(http.StatusBadRequest, codeNoRoute, "unable to parse certificate")
	}
	if s.certificate(api.CertificateRef{AccountID: c.account(), ID: id}) != nil {
		return refusal(http.StatusBadRequest, codeCertificateExists, "This certificate already exists")
	}
	s.ids[sum] = id
	if err := s.putCertificate(c.account(), described); err != nil {
		return Response{err: err}
	}
	return jsonResult(described)
}

// digest identifies the first certificate of a PEM text within an account. It hashes
// the decoded certificate, because the vendor rewrites the text.
func digest(account, text string) [sha256.Size]byte {
	content := []byte(text)
	if block, _ := pem.Decode(content); block != nil {
		content = block.Bytes
	}
	return sha256.Sum256(slices.Concat([]byte(account), []byte{0}, content))
}

// deleteCertificate deletes a certificate that is custom and not in use.
func deleteCertificate(s *Server, c call) Response {
	cert := c.certificate()
	e := s.certificate(cert)
	switch {
	case e == nil:
		return certificateNotFound()
	case e.filter["type"] != "custom":
		return Forbidden()
	case s.inUse(cert):
		return refusal(http.StatusBadRequest, codeInUse, "The certificate cannot be deleted at this time")
	}
	deleted := jsonResult(e.value)
	s.store[opCertificates] = slices.DeleteFunc(s.store[opCertificates], func(e entry) bool {
		return e.account == cert.AccountID && e.key == cert.ID
	})
	// An empty list that is left would make hostnames respond as if cert still existed.
	maps.DeleteFunc(s.hostnames, func(ref api.HostnamesRef, _ []string) bool { return s.isOf(ref, cert) })
	return deleted
}

// inUse reports whether the certificate has associations or hostnames, or another
// entry of its account holds its id.
func (s *Server) inUse(cert api.CertificateRef) bool {
	for ref, names := range s.hostnames {
		if s.isOf(ref, cert) && len(names) > 0 {
			return true
		}
	}
	for operation, entries := range s.store {
		for _, e := range entries {
			text, err := json.Marshal(e.value)
			holds := err != nil || strings.Contains(string(text), strconv.Quote(cert.ID))
			if holds && e.account == cert.AccountID && operation != opCertificates {
				return true
			}
		}
	}
	return len(s.associations[cert]) > 0
}

// isOf reports whether the certificate and the account of ref are those of cert.
func (s *Server) isOf(ref api.HostnamesRef, cert api.CertificateRef) bool {
	account, _ := s.accountOf(ref.ZoneID)
	return ref.CertificateID == cert.ID && account == cert.AccountID
}

func hostnames(s *Server, c call) Response {
	ref := api.HostnamesRef{ZoneID: c.params["zone_id"], CertificateID: c.query.Get("mtls_certificate_id")}
	account, known := s.accountOf(ref.ZoneID)
	if !known {
		return NotFound()
	}
	names, set := s.hostnames[ref]
	if ref.CertificateID != "" && !set && s.certificate(api.CertificateRef{AccountID: account, ID: ref.CertificateID}) == nil {
		return certificateNotFound()
	}
	return jsonResult(object{"hostnames": names})
}
