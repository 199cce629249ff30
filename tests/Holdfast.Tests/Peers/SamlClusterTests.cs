using System.Xml.Linq;
using Holdfast.Protocols.Saml;
using Holdfast.Sso;
using Holdfast.Storage.Peers;
using Holdfast.Tests.Sso;

namespace Holdfast.Tests.Peers;

/// <summary>SAML on nodes that stand together: what nobody issued is used once (law 5), and with the primary gone all of it goes on (law 1).</summary>
public sealed class SamlClusterTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Of_twenty_who_bring_an_assertion_that_nobody_asked_for_to_two_nodes_one_gets_in(bool isSettled)
    {
        await using var nodes = await Cluster.StartAsync(2);
        var connection = await ConnectionAsync(nodes, isSettled);
        var there = connection with { Server = nodes[1] };
        // While the list changes, one that both nodes must agree to.
        var id = Enumerable.Range(0, 1000).Select(i => $"_{i}").First(id =>
            nodes[0].Storage.Database.Read(NodeList.Of).AuthoritiesOf(SignInStore.AssertionKey(connection.Id, id)).Count == (isSettled ? 1 : 2));
        var response = connection.Response(null, "ada@acme.test", i => i with { AssertionId = id });

        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => PostAsync(i % 2 == 0 ? connection : there, response)));

        Assert.Single(answers, a => a.Status == 302);
        Assert.Equal(19, answers.Count(a => a.Status == 400 && a["code"] == "sign_in_refused"));
        for (var i = 1; i <= 10; i++)
        {
            var landed = (await PostAsync(i % 2 == 0 ? connection : there, connection.Response(null, "ada@acme.test", issue => issue with { AssertionId = $"{id}-{i}" }))).Is(302);
            Assert.StartsWith(HoldfastServer.Callback, landed.Location, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task With_the_primary_and_the_node_that_decides_gone_every_kind_of_sign_in_goes_on()
    {
        await using var nodes = await Cluster.StartAsync(2);
        var first = await ConnectionAsync(nodes);
        var connection = first with { Server = nodes[1] };
        var metadata = XElement.Parse((await nodes[1].SendAsync("GET", $"{nodes[1].Url}/sso/saml/metadata/{connection.Id}", null)).Is(200).Text);
        using var ours = SamlServiceProviderTests.Key(metadata, "encryption");
        using var signing = SamlServiceProviderTests.Key(metadata, "signing");
        string Id(string authority) => Enumerable.Range(0, 1000).Select(i => $"_{authority}-{i}").First(id =>
            nodes[1].Storage.Database.Read(NodeList.Of).AuthoritiesOf(SignInStore.AssertionKey(connection.Id, id)).SequenceEqual([authority]));
        var (here, away) = (Id("node-2"), Id("node-1"));
        await nodes.StopNodeAsync(0);

        // Signed request, encrypted answer.
        var browser = new Browser(nodes[1]);
        var to = (await browser.GetAsync(connection.AuthorizePath())).Is(302);
        Assert.IsType<AuthnRequestRead.Request>(AuthnRequest.Check(SamlBinding.Redirect, new Uri(to.Location!).Query, [signing]));
        var signedIn = await connection.FinishAsync(SamlConnection.Read(browser, to), "ada@acme.test", i => i with { EncryptFor = new SamlEncryption(ours), SessionIndex = "_one" });
        var redeemed = (await connection.RedeemAsync(signedIn.Is(302).Sent("code")!)).Is(200);
        nodes.Clock.Advance(TimeSpan.FromSeconds(1));   // so that this is not the latest session, which our own sign-out ends

        // Begun at the identity provider: decided here, or begun again from here, when who decides is gone.
        var landed = (await PostAsync(connection, connection.Response(null, "ada@acme.test", i => i with { AssertionId = here }))).Is(302);
        (await connection.RedeemAsync(landed.Sent("code")!)).Is(200);
        var other = new Browser(nodes[1]);
        var instead = (await connection.PostAsync(other, connection.Response(null, "ada@acme.test", i => i with { AssertionId = away }), null)).Is(302);
        Assert.StartsWith(connection.Provider.SsoUrl, instead.Location, StringComparison.Ordinal);
        Assert.StartsWith(HoldfastServer.Callback, (await connection.FinishAsync(SamlConnection.Read(other, instead))).Is(302).Location, StringComparison.Ordinal);

        // Told of, and signed out; only administrators' changes wait.
        Assert.Equal(3, (await nodes[1].GetAsync($"/connections/{connection.Id}/attempts")).Is(200).Ids.Count);
        var profile = redeemed.Json.GetProperty("profile").GetProperty("id").GetString();
        var logout = (await nodes[1].PostAsync("/sso/logout/authorize", new { profile_id = profile })).Is(200)["logout_url"]!;
        Assert.StartsWith("https://idp.test/slo?", (await nodes[1].SendAsync("GET", logout, null)).Is(302).Location, StringComparison.Ordinal);
        (await connection.ProfileAsync(redeemed["access_token"]!)).Is(200);
        var request = LogoutRequest.RedirectUrl(
            new SamlLogout("_request", connection.Provider.EntityId, $"{nodes[1].PublicUrl}/sso/saml/slo/{connection.Id}",
                new SamlSession(new SamlNameId("ada@acme.test", "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"), "_one"), nodes.Clock.GetUtcNow()),
            "", SamlSigner.With(SamlProvider.Certificate));
        Assert.StartsWith("https://idp.test/slo?", (await nodes[1].SendAsync("GET", request.AbsoluteUri, null)).Is(302).Location, StringComparison.Ordinal);
        (await connection.ProfileAsync(redeemed["access_token"]!)).Is(401);
        (await nodes[1].PutAsync($"/connections/{connection.Id}", new { saml = new { sign_requests = false } })).Is(503, "primary_unavailable");
    }

    private static Task<Answer> PostAsync(SamlConnection connection, string response) => connection.PostAsync(new Browser(connection.Server), response, null);

    private static async Task<SamlConnection> ConnectionAsync(Cluster nodes, bool isSettled = true)
    {
        var connection = await nodes[0].SamlConnectionAsync(null, "GenericSAML", ("allow_idp_initiated", true), ("sign_requests", true), ("idp_slo_url", "https://idp.test/slo"));
        await nodes.HeardAsync(by: 1, whom: 0);
        await nodes.HeardAsync(by: 0, whom: 1);
        for (var i = 0; i < 2; i++)
        {
            await nodes.HasAsync(i, view => view.Find<long>("SELECT count(*) FROM connections WHERE id = @Id", new { connection.Id }) > 0 );
        }
        // Their keeper takes its time, by a clock that stands.
        foreach (var step in new Func<Storage.View, Storage.Rows.Decision<bool>>[]
        {
            view => NodeList.Enter(view, "node-1"), view => NodeList.Settle(view, NodeList.Of(view).Number),
            view => NodeList.Enter(view, "node-2"), view => NodeList.Settle(view, NodeList.Of(view).Number),
        })
        {
            await nodes[0].Storage.Database.WriteAsync(step, CancellationToken.None);
        }
        nodes.Clock.Advance(SingleUse.Skew);
        if (!isSettled)
        {
            await nodes[0].Storage.Database.WriteAsync(view => NodeList.Leave(view, "node-2"), CancellationToken.None);   // and nobody settles it while the clock stands
        }
        for (var i = 0; i < 2; i++)
        {
            await nodes.HasAsync(i, view => NodeList.Of(view) is { Before.Count: 2 } list && list.Now.Count == (isSettled ? 2 : 1));
        }
        return connection;
    }
}
