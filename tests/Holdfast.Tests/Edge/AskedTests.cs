using System.Text;
using Holdfast.Edge;

namespace Holdfast.Tests.Edge;

/// <summary>What the edge understands of a request.</summary>
public sealed class AskedTests
{
    private const string Life = "0123456789ab";
    private const string Form = "application/x-www-form-urlencoded";

    private static Asked Of(string method, string path, string body = "", string? type = null, string query = "", string? authorization = null, bool key = false) =>
        Asked.Of(method, path, query, type, authorization, key, Encoding.UTF8.GetBytes(body));

    [Theory]
    [InlineData("POST", "/user_management/authenticate", "{\"grant_type\":\"refresh_token\",\"refresh_token\":\"x\"}", "Session")]
    [InlineData("POST", "/user_management/authenticate", "grant_type=refresh_token&refresh_token=x", "Session")]
    [InlineData("GET", "/sso/jwks/client_1", "", "Session")]
    [InlineData("GET", "/user_management/sessions/logout", "", "Session")]
    [InlineData("POST", "/sso/saml/slo/conn_1", "", "Session")]
    [InlineData("POST", "/user_management/authenticate", "{\"grant_type\":\"password\"}", "SignIn")]
    [InlineData("GET", "/sso/authorize", "", "SignIn")]
    [InlineData("POST", "/sign-in/password", "flow=x", "SignIn")]
    [InlineData("GET", "/organizations", "", "Read")]
    [InlineData("POST", "/scim/v2.0/directory_1/Users", "{}", "Read")]
    [InlineData("GET", "/user_management/users/user_1", "", "Read")]
    [InlineData("POST", "/organizations", "{}", "Administration")]
    [InlineData("POST", "/nowhere", "{\"grant_type\":\"refresh_token\"}", "Administration")]   // only where it means something
    public void What_matters_most_is_known_by_route_and_grant(string method, string path, string body, string priority) =>
        Assert.Equal(priority, Of(method, path, body, body.StartsWith('{') ? "application/json" : Form).Priority.ToString());

    [Theory]
    [InlineData("POST", "/sso/token", "grant_type=authorization_code&code=" + Life + ".abc", "")]
    [InlineData("POST", "/user_management/authenticate", "{\"grant_type\":\"authorization_code\",\"code\":\"" + Life + ".abc\"}", "")]
    [InlineData("POST", "/sso/saml/acs/conn_1", "SAMLResponse=x&RelayState=" + Life + ".abc", "")]
    [InlineData("GET", "/sso/oidc/callback/conn_1", "", "?code=their-own&state=" + Life + ".abc")]
    [InlineData("POST", "/user_management/authenticate", "{\"device_code\":\"" + Life + ".environment_1.k.abc\"}", "")]
    [InlineData("POST", "/user_management/authenticate", "grant_type=x&code=123456&pending_authentication_token=" + Life + ".environment_1.k.abc", "")]
    [InlineData("GET", "/switch-organization/choose", "", "?flow=" + Life + ".abc")]
    [InlineData("GET", "/sign-in", "", "?flow=" + Life + "%2Eabc")]
    [InlineData("POST", "/sign-in/password", "token=t&flow=" + Life + ".abc", "")]
    public void A_single_use_item_names_its_node(string method, string path, string body, string query) =>
        Assert.Equal(Life, Of(method, path, body, body.StartsWith('{') ? "application/json" : Form, query).Authority);

    [Theory]
    [InlineData("0123456789AB.abc")]   // in capitals: nobody's life
    [InlineData("0123456789ab")]
    [InlineData("0123456789abc.x")]
    [InlineData("..")]
    public void What_a_stranger_made_up_names_nobody(string code) => Assert.Null(Of("POST", "/sso/token", "code=" + code, Form).Authority);

    [Fact]
    public void Only_what_changes_nothing_or_once_may_be_sent_again()
    {
        Assert.True(Of("GET", "/organizations").IsSafe);
        Assert.True(Of("HEAD", "/organizations").IsSafe);
        Assert.True(Of("POST", "/organizations", key: true).IsSafe);
        Assert.True(Of("POST", "/user_management/authenticate", "{\"grant_type\":\"refresh_token\"}", "application/json").IsSafe);
        Assert.False(Of("POST", "/organizations").IsSafe);
        Assert.False(Of("PUT", "/organizations/org_1").IsSafe);
        Assert.False(Of("DELETE", "/organizations/org_1").IsSafe);
        Assert.False(Of("POST", "/user_management/authenticate", "{\"grant_type\":\"password\"}", "application/json").IsSafe);
        Assert.False(Of("POST", "/user_management/authenticate", "{\"grant_type\":[\"refresh_token\"]}", "application/json").IsSafe);
        Assert.False(Of("POST", "/user_management/authenticate", "not json", "application/json").IsSafe);
    }

    [Theory]
    [InlineData("PUT", "/organizations/org_1")]   // the key means nothing there
    [InlineData("PATCH", "/organizations/org_1")]
    [InlineData("DELETE", "/organizations/org_1")]
    [InlineData("POST", "/user_management/magic_auth")]
    [InlineData("POST", "/User_Management/Magic_Auth/")]
    [InlineData("POST", "/user_management/password_reset")]
    [InlineData("POST", "/user_management/users/user_1/email_verification/send")]
    [InlineData("POST", "/user_management/users/user_1/email_change/send")]
    [InlineData("POST", "/user_management/users/user_1/impersonations")]
    [InlineData("POST", "/user_management/users/user_1/auth_factors")]
    [InlineData("POST", "/user_management/users/user_1/recovery_codes")]
    [InlineData("POST", "/auth/factors/enroll")]
    [InlineData("POST", "/auth/factors/factor_1/challenge")]
    [InlineData("POST", "/ops/orders")]
    [InlineData("POST", "/ops/nodes/node-2/end")]
    [InlineData("POST", "/ops/nodes/node-2/quarantine")]
    public void What_a_node_makes_by_itself_is_not_sent_again_whatever_its_key(string method, string path) => Assert.False(Of(method, path, "{}", "application/json", key: true).IsSafe);

    [Fact]
    public void An_API_key_has_one_key_wherever_it_stands_and_a_directory_has_its_own()
    {
        var bearer = Of("GET", "/organizations", authorization: "Bearer sk_1").Key;
        Assert.NotNull(bearer);
        Assert.DoesNotContain("sk_1", bearer, StringComparison.Ordinal);
        Assert.Equal(bearer, Of("POST", "/user_management/authenticate", "{\"grant_type\":\"password\",\"client_secret\":\"sk_1\"}", "application/json").Key);
        Assert.NotEqual(bearer, Of("GET", "/organizations", authorization: "Bearer sk_2").Key);
        Assert.Null(Of("POST", "/user_management/authenticate", "{\"grant_type\":\"refresh_token\",\"client_secret\":\"sk_1\"}", "application/json").Key);
        var directory = Of("GET", "/scim/v2.0/directory_1/Users", authorization: "Bearer t1").Key;
        Assert.Equal(directory, Of("PATCH", "/scim/v2.0/directory_1/Groups/g", authorization: "Bearer t2").Key);
        Assert.NotEqual(directory, Of("GET", "/scim/v2.0/directory_2/Users", authorization: "Bearer t1").Key);
    }
}
