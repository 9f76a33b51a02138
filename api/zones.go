package api

import (
	"context"
	"iter"
	"net/http"

	"github.com/certuse/cloudflare-mtls/generated"
)

var listZones = operation{generated.ListZonesOperation, "list zones"}

// zonesPerPage is the largest page that the API accepts.
const zonesPerPage = 50

// Zone is a domain of an account.
type Zone struct {
	ID string `json:"id"`
	// Name is the domain name.
	Name string `json:"name"`
	// Status is, for example, "active" or "pending". The vendor may add others.
	Status string `json:"status"`
}

// Zones lists the zones of an account. The API leaves out the zones that an API token
// does not cover. Errors are as for [Client.Certificates].
//
// The vendor documents the operation at
// https://developers.cloudflare.com/api/resources/zones/methods/list/.
func (c *Client) Zones(ctx context.Context, accountID string) iter.Seq2[Zone, error] {
	return c.zones(ctx, accountID, callPolicy{admission: ctx})
}

func (c *Client) zones(ctx context.Context, accountID string, policy callPolicy) iter.Seq2[Zone, error] {
	page := list[generated.Zone, Zone, *generated.Zone]{convert: func(z *generated.Zone, _ []string) (Zone, error) {
		return Zone{z.ID, z.Name, z.Status}, validateID("the zone's id", z.ID, maxAccountIDLength)
	}}
	invalid := validateID("account id", accountID, maxAccountIDLength)
	pages := paged{operation: listZones, perPage: zonesPerPage, invalid: invalid, send: func(ctx context.Context, number, perPage float64, edit editor) (*http.Response, error) {
		return c.generated.ListZones(ctx, &generated.ListZonesParams{AccountID: accountID, Page: number, PerPage: perPage}, edit)
	}}
	return allPages(ctx, c, policy, pages, page, func(z Zone) string { return z.ID })
}
