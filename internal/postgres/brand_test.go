package postgres

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestBrand(t *testing.T) {
	t.Parallel()
	db := open(t)
	f := addFlow(t, db, "f")
	requireTable(t, db.Repos().Brands,
		idp.Brand{Domain: "example.com", Default: true, Title: "t", Logo: "l", Favicon: "f", CustomCSS: "c", DefaultFlowBackground: "b",
			FlowAuthentication: &f.ID, FlowInvalidation: &f.ID, FlowRecovery: &f.ID, FlowUnenrollment: &f.ID, FlowUserSettings: &f.ID,
			FlowDeviceCode: &f.ID, FlowLockdown: &f.ID, Attributes: idp.Attributes{"a": "b"}},
		func(b *idp.Brand) idp.BrandID { return b.ID },
		func(b *idp.Brand) {
			*b = idp.Brand{ID: b.ID, Domain: "example.org", Title: "u", Logo: "m", Favicon: "g", CustomCSS: "d", DefaultFlowBackground: "c"}
		}, idp.BrandFilter{})
}

func TestBrandRefusals(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, brands := t.Context(), db.Repos().Brands
	f := addFlow(t, db, "f")
	first := &idp.Brand{Domain: "example.com", Default: true, FlowLockdown: &f.ID}
	require.NoError(t, brands.Create(ctx, first))
	requireField(t, brands.Create(ctx, &idp.Brand{Domain: "EXAMPLE.com"}), "domain", "unique")
	requireField(t, brands.Create(ctx, &idp.Brand{Domain: "other", Default: true}), "default", "Only a single brand")
	requireField(t, brands.Create(ctx, &idp.Brand{Domain: ""}), "domain", "blank")
	requireField(t, brands.Create(ctx, &idp.Brand{Domain: "x", FlowRecovery: ptr(idp.NewID[idp.Flow]())}), "flow_recovery", "does not exist")
	require.NoError(t, db.Repos().Flows.Delete(ctx, f.ID))
	got, err := brands.Get(ctx, first.ID)
	require.NoError(t, err)
	require.Nil(t, got.FlowLockdown)
}

func TestBrandForHost(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, brands := t.Context(), db.Repos().Brands
	_, err := brands.ForHost(ctx, "example.com")
	requireCode(t, idp.CodeNotFound, err)
	for _, domain := range []string{"example.com", "login.Example.com", ".corp", "100%.test", "a_b.test"} {
		require.NoError(t, brands.Create(ctx, &idp.Brand{Domain: domain}))
	}
	_, err = brands.ForHost(ctx, "elsewhere.net")
	requireCode(t, idp.CodeNotFound, err)
	require.NoError(t, brands.Create(ctx, &idp.Brand{Domain: "default-brand-of-all.example", Default: true}))
	for host, want := range map[string]string{
		"example.com":          "example.com",
		"EXAMPLE.com:9000":     "example.com",
		"a.b.example.com.":     "example.com",
		"login.example.com":    "login.Example.com",
		"eu.login.example.com": "login.Example.com",
		"badexample.com":       "default-brand-of-all.example",
		"intra.corp":           "corp",
		"100x.test":            "default-brand-of-all.example",
		"axb.test":             "default-brand-of-all.example",
		"a_b.test":             "a_b.test",
		"[2001:db8::1]:80":     "default-brand-of-all.example",
		"":                     "default-brand-of-all.example",
		"%":                    "default-brand-of-all.example",
	} {
		got, err := brands.ForHost(ctx, host)
		require.NoError(t, err, host)
		if want == "corp" {
			want = ".corp"
		}
		require.Equal(t, want, got.Domain, host)
	}
	for f, want := range map[*idp.BrandFilter]int{{Default: ptr(true)}: 1, {Domain: ptr("example.COM")}: 1, {Paging: idp.Paging{Search: "example"}}: 3} {
		page, err := brands.Find(ctx, *f)
		require.NoError(t, err)
		require.Equal(t, want, page.Total)
	}
}
