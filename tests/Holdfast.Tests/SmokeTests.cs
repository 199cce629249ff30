namespace Holdfast.Tests;

public sealed class SmokeTests(Shared shared) : IClassFixture<Shared>
{
    [Fact]
    public async Task A_person_signs_in()
    {
        var connection = await shared.Server.SamlConnectionAsync();
        var code = await connection.SignInAsync();
        var token = (await connection.RedeemAsync(code)).Is(200);
        Assert.Equal("ada@acme.test", token.Json.GetProperty("profile").GetProperty("email").GetString());
        (await connection.ProfileAsync(token["access_token"]!)).Is(200);
    }
}
