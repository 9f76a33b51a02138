package apitest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/internal/apispec"
)

// Target selects requests, for [Server.Script]. The zero value selects all valid
// requests.
type Target struct {
	// Operation is an operationId of the contract, such as "listMTLSCertificates". The
	// error for an unknown operation lists all operations.
	Operation string
	// Parameters are values of the operation's path and query parameters, by name.
	// A request must have all of these values; an empty value also selects requests
	// without the query parameter.
	Parameters map[string]string
}

// AssociationsOf selects requests for the associations of a certificate.
func AssociationsOf(cert api.CertificateRef) Target {
	return Target{Operation: opAssociations, Parameters: map[string]string{
		"account_id": cert.AccountID, "mtls_certificate_id": cert.ID,
	}}
}

// scripted is a response that is queued for a target.
type scripted struct {
	target   Target
	response Response
}

// Script queues responses for a target. They are sent in order, one for each request,
// in place of those from the store. Requests that break the contract, have wrong
// credentials or lack the permission do not use them up. If several targets select a
// request, the one with the most conditions applies; among equals, the response that
// was queued first. Script fails, and queues nothing, if the contract has no such
// target, if one of its path parameters is an id that clients refuse, if a response is
// invalid or must match the contract and does not, or if a response would follow one
// with [Response.Always] for the same target. For the zero target, it is enough that a
// response matches one operation; a request to another operation then gets status 501.
func (s *Server) Script(target Target, responses ...Response) error {
	if err := s.checkTarget(target); err != nil {
		return err
	}
	for i, response := range responses {
		if err := s.checkResponse(target.Operation, response); err != nil {
			return fmt.Errorf("response %d: %w", i, err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	target.Parameters = maps.Clone(target.Parameters)
	queue := slices.Clone(s.scripts)
	for _, response := range responses {
		for _, before := range queue {
			if before.response.times == unlimited && before.target.equal(target) {
				return errors.New("apitest: a response after one with Always would never be sent")
			}
		}
		queue = append(queue, scripted{target, response})
	}
	s.scripts = queue
	return nil
}

func (t Target) equal(other Target) bool {
	return t.Operation == other.Operation && maps.Equal(t.Parameters, other.Parameters)
}

func (s *Server) operation(id string) (*apispec.Operation, error) {
	if op := s.doc.Operation(id); op != nil {
		return op, nil
	}
	var ids []string
	for _, op := range s.doc.Operations {
		ids = append(ids, op.ID)
	}
	return nil, fmt.Errorf("apitest: the contract has no operation %q; it has %s", id, strings.Join(ids, ", "))
}

func (s *Server) checkTarget(target Target) error {
	if target.Operation == "" && len(target.Parameters) == 0 {
		return nil
	}
	op, err := s.operation(target.Operation)
	if err != nil {
		return err
	}
	for name, value := range target.Parameters {
		if op.Operation.Parameters.GetByInAndName(openapi3.ParameterInPath, name) != nil {
			account := "a"
			if name == "account_id" {
				account = value
			}
			if err := checkIDs(account, value); err != nil {
				return fmt.Errorf("apitest: parameter %s: %w", name, err)
			}
		} else if op.Operation.Parameters.GetByInAndName(openapi3.ParameterInQuery, name) == nil {
			return fmt.Errorf("apitest: the operation %s has no parameter %q", target.Operation, name)
		}
	}
	return nil
}

func (t Target) selects(c call) bool {
	if t.Operation != "" && t.Operation != c.op.ID {
		return false
	}
	for name, value := range t.Parameters {
		if c.parameter(name) != value {
			return false
		}
	}
	return true
}

func (t Target) conditions() int {
	if t.Operation == "" {
		return 0
	}
	return 1 + len(t.Parameters)
}

// next returns the queued response for a request and counts it as sent.
func (s *Server) next(c call) (Response, bool) {
	best := -1
	for i, queued := range s.scripts {
		if queued.target.selects(c) && (best < 0 || queued.target.conditions() > s.scripts[best].target.conditions()) {
			best = i
		}
	}
	if best < 0 {
		return Response{}, false
	}
	response := s.scripts[best].response
	if response.times > 1 {
		s.scripts[best].response.times--
	} else if response.times != unlimited {
		s.scripts = slices.Delete(s.scripts, best, best+1)
	}
	return response, true
}

// SetForbidden sets the operations for which the credentials have no permission: the
// response to them is a 403. Without operations, all are permitted.
func (s *Server) SetForbidden(operations ...string) error {
	for _, operation := range operations {
		if _, err := s.operation(operation); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forbidden = slices.Clone(operations)
	return nil
}
