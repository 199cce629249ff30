using System.Text;
using System.Text.Json;
using Holdfast.Protocols.OpenIdConnect;

namespace Holdfast.Protocols.Tests.OpenIdConnect;

/// <summary>What the token and UserInfo endpoints answer.</summary>
public sealed class AnswerTests
{
    private static TokenResponseVerdict Token(string json) => TokenResponse.Read(Encoding.UTF8.GetBytes(json));

    private static UserInfoVerdict Info(string json, string subject = "sub-1") => UserInfo.Read(Encoding.UTF8.GetBytes(json), subject);

    [Fact]
    public void Tokens_are_read()
    {
        Assert.Equal(
            new TokenResponseVerdict.Accepted("a.b.c", "at"), Token("""{"id_token":"a.b.c","access_token":"at","token_type":"bearer","expires_in":3600}"""));
        Assert.Equal(new TokenResponseVerdict.Accepted("a.b.c", null), Token("""{"id_token":"a.b.c"}"""));
        Assert.Equal(new TokenResponseVerdict.Accepted("a.b.c", null), Token("""{"id_token":"a.b.c","access_token":"at","token_type":"DPoP"}"""));
    }

    [Fact]
    public void An_error_wins_over_a_token()
    {
        Assert.Equal(new TokenResponseVerdict.Failed("invalid_grant", null), Token("""{"error":"invalid_grant"}"""));
        Assert.Equal(
            new TokenResponseVerdict.Failed("invalid_client", "Wrong secret."),
            Token("""{"error":"invalid_client","error_description":"Wrong secret.","id_token":"a.b.c"}"""));
    }

    [Theory]
    [InlineData("{}", TokenResponseRefusal.IdTokenMissing)]
    [InlineData("""{"access_token":"at","token_type":"Bearer"}""", TokenResponseRefusal.IdTokenMissing)]
    [InlineData("""{"id_token":""}""", TokenResponseRefusal.IdTokenMissing)]
    [InlineData("""{"id_token":["a.b.c"]}""", TokenResponseRefusal.IdTokenMissing)]
    [InlineData("""{"error":{}}""", TokenResponseRefusal.Malformed)]
    [InlineData("""{"id_token":"a.b.c","id_token":"d.e.f"}""", TokenResponseRefusal.Malformed)]
    [InlineData("id_token=a.b.c", TokenResponseRefusal.Malformed)]
    [InlineData("<html>", TokenResponseRefusal.Malformed)]
    public void Anything_else_is_refused(string json, TokenResponseRefusal why) => Assert.Equal(new TokenResponseVerdict.Refused(why), Token(json));

    [Fact]
    public void A_provider_of_plain_OAuth_gives_a_bearer_token_and_no_more()
    {
        Assert.Equal(
            new TokenResponseVerdict.Authorized("at"),
            TokenResponse.Read("""{"access_token":"at","token_type":"bearer","scope":"user","id_token":"a.b.c"}"""u8, needsIdToken: false));
        foreach (var json in new[] { "{}", """{"access_token":"at"}""", """{"access_token":"","token_type":"bearer"}""", """{"access_token":"at","token_type":"mac"}""", """{"id_token":"a.b.c"}""" })
        {
            Assert.Equal(new TokenResponseVerdict.Refused(TokenResponseRefusal.AccessTokenMissing), TokenResponse.Read(Encoding.UTF8.GetBytes(json), needsIdToken: false));
        }
        Assert.Equal(new TokenResponseVerdict.Failed("bad_verification_code", null), TokenResponse.Read("""{"error":"bad_verification_code"}"""u8, needsIdToken: false));
        Assert.Equal(new TokenResponseVerdict.Refused(TokenResponseRefusal.Malformed), TokenResponse.Read("access_token=at&token_type=bearer"u8, needsIdToken: false));
    }

    [Fact]
    public void An_account_is_any_json_within_bounds()
    {
        Assert.Equal(JsonValueKind.Array, AccountDocument.Read("[1]"u8)!.Value.ValueKind);
        foreach (var json in new[] { "", "<html>", """{"id":1,"id":2}""", "[1] [2]", new string(' ', AccountDocument.MaxBytes) + "1" })
        {
            Assert.Null(AccountDocument.Read(Encoding.UTF8.GetBytes(json)));
        }
    }

    [Fact]   // OAUTH-042
    public void Claims_of_the_same_subject_are_read() =>
        Assert.Equal("Ada", Assert.IsType<UserInfoVerdict.Accepted>(Info("""{"sub":"sub-1","given_name":"Ada"}""")).Claims["given_name"].GetString());

    [Theory]   // OAUTH-042
    [InlineData("""{"sub":"sub-2"}""", UserInfoRefusal.SubjectMismatch)]
    [InlineData("""{"sub":"SUB-1"}""", UserInfoRefusal.SubjectMismatch)]
    [InlineData("""{"sub":1}""", UserInfoRefusal.SubjectMissing)]
    [InlineData("""{"email":"a@b.test"}""", UserInfoRefusal.SubjectMissing)]
    [InlineData("""{"sub":"sub-2","sub":"sub-1"}""", UserInfoRefusal.Malformed)]
    [InlineData("eyJhbGciOiJub25lIn0.eyJzdWIiOiJzdWItMSJ9.", UserInfoRefusal.Signed)]   // and by nobody
    [InlineData("<html>sub-1</html>", UserInfoRefusal.Malformed)]
    public void Claims_of_anyone_else_are_refused(string json, UserInfoRefusal why) => Assert.Equal(new UserInfoVerdict.Refused(why), Info(json));

    [Fact] // OAUTH-042
    public void Five_megabytes_of_claims_are_refused() =>
        Assert.Equal(
            new UserInfoVerdict.Refused(UserInfoRefusal.Malformed), Info($$"""{"sub":"sub-1","x":"{{new string('x', 5 * 1024 * 1024)}}"}"""));

    [Theory]   // OAUTH-041
    [InlineData("""{"email":"Ada+x@Acme.test","email_verified":true}""", true)]
    [InlineData("""{"email":"Ada+x@Acme.test","email_verified":"true"}""", true)]
    [InlineData("""{"email":"Ada+x@Acme.test","email_verified":false}""", false)]
    [InlineData("""{"email":"Ada+x@Acme.test","email_verified":"false"}""", false)]
    [InlineData("""{"email":"Ada+x@Acme.test","email_verified":1}""", false)]
    [InlineData("""{"email":"Ada+x@Acme.test","xms_edov":true}""", false)]
    [InlineData("""{"email":"Ada+x@Acme.test"}""", false)]
    public void An_address_is_verified_only_where_the_provider_says_so(string json, bool verified) =>
        Assert.Equal(new EmailClaim("Ada+x@Acme.test", verified), EmailClaim.Read(Claims(json)));

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"email":""}""")]
    [InlineData("""{"email":["a@b.test"]}""")]
    public void No_address_is_none(string json) => Assert.Null(EmailClaim.Read(Claims(json)));

    private static Dictionary<string, JsonElement> Claims(string json) => JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(json)!;
}
