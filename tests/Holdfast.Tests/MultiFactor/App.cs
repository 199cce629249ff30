using Holdfast.Protocols.OneTimePasswords;

namespace Holdfast.Tests.MultiFactor;

/// <summary>Somebody's app for one-time passwords, which was told a factor's secret.</summary>
internal sealed record App(HoldfastServer Server, string FactorId, string Secret)
{
    /// <summary>A factor of nobody whom this server knows.</summary>
    public static async Task<App> EnrollAsync(HoldfastServer server)
    {
        var made = (await server.PostAsync("/auth/factors/enroll", new { type = "totp", totp_issuer = "Acme", totp_user = "ada@acme.test" })).Is(201);
        return new App(server, made["id"]!, made.Json.GetProperty("totp").GetProperty("secret").GetString()!);
    }

    /// <summary>A factor of a user.</summary>
    public static async Task<App> EnrollAsync(HoldfastServer server, string userId) => (await EnrollWithChallengeAsync(server, userId)).App;

    public static async Task<(App App, string Challenge)> EnrollWithChallengeAsync(HoldfastServer server, string userId)
    {
        var made = (await server.PostAsync($"/user_management/users/{userId}/auth_factors", new { type = "totp" })).Is(201).Json;
        var factor = made.GetProperty("authentication_factor");
        return (new App(server, factor.GetProperty("id").GetString()!, factor.GetProperty("totp").GetProperty("secret").GetString()!),
            made.GetProperty("authentication_challenge").GetProperty("id").GetString()!);
    }

    /// <summary>What it shows; of another step when that is wanted.</summary>
    public string Code(int steps = 0) => Totp.Code(Base32.Decode(Secret)!, Totp.StepAt(Server.Clock.GetUtcNow()) + steps);

    /// <summary>What it does not show now, nor shortly before or after.</summary>
    public string Wrong() => Enumerable.Range(0, 10).Select(n => $"{n}{n}{n}{n}{n}{n}").First(c => Enumerable.Range(-2, 5).All(s => Code(s) != c));

    public async Task<string> ChallengeAsync(HoldfastServer? at = null) => (await (at ?? Server).PostAsync($"/auth/factors/{FactorId}/challenge", new { })).Is(201)["id"]!;
}
