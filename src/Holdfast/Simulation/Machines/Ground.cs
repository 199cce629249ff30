using System.Text.Json;
using Holdfast.Claims;
using Holdfast.Http;
using Holdfast.Sso;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.Simulation.Machines;

/// <summary>What stands before the first operation: an environment with an organization, connections, and an address to come back to.</summary>
internal sealed class Ground(Cluster cluster)
{
    public const string Environment = "environment_1";
    public const string Client = "client_1";
    public const string Organization = "org_ground";

    /// <summary>One that asks everybody for a second factor; people come to it by invitation.</summary>
    public const string StrictOrganization = "org_strict";

    public const string RedirectUri = "https://app.example/callback";
    public const int Connections = 4;

    /// <summary>Rows of it.</summary>
    public const int Rows = 6 + Connections;

    /// <summary>Verified for the organization.</summary>
    public const string VerifiedDomain = "verified.example";

    public static readonly byte[] IdKey = [.. Enumerable.Range(0, 32).Select(i => (byte)(i * 7))];

    public static string Connection(int number) => $"conn_{number}";

    /// <summary>Writes it through one node.</summary>
    public async Task LayAsync(Products products)
    {
        var now = products.Clock.GetUtcNow().ToUnixTimeMilliseconds();
        var settings = JsonSerializer.SerializeToUtf8Bytes(new ConnectionSettings(null, null), JavaScriptJson.Options);
        var changes = new List<Change>
        {
            Change.To(Schema.Environments, Environment, ("name", "Simulated"), ("client_id", Client),
                ("id_key_sealed", products.Keys.SealAtRest($"environments/{Environment}/id_key", IdKey)), ("created_at", now)),
            Change.To(Schema.RedirectUris, "redir_1", ("environment_id", Environment), ("uri", RedirectUri), ("created_at", now), ("present", true),
                ("is_default", true), ("updated_at", now)),
            Change.To(Schema.Organizations, Organization, ("environment_id", Environment), ("created_at", now), ("name", "Ground"),
                ("allow_profiles_outside_organization", false), ("metadata", "{}"), ("external_id", null), ("updated_at", now)),
            Change.To(Schema.Organizations, StrictOrganization, ("environment_id", Environment), ("created_at", now), ("name", "Strict"),
                ("allow_profiles_outside_organization", false), ("metadata", "{}"), ("external_id", null), ("updated_at", now)),
            Change.To(Schema.SignInPolicies, StrictOrganization, ("environment_id", Environment), ("mfa", SignInPolicy.Required), ("mfa_after_sso", 0), ("updated_at", now)),
            Claim.Give(Environment, IdKey, Claim.VerifiedDomain, VerifiedDomain, Organization, 1, verified: true),
        };
        changes.AddRange(Enumerable.Range(1, Connections).Select(i => Change.To(Schema.Connections, Connection(i),
            ("environment_id", Environment), ("organization_id", Organization), ("connection_type", "GenericOIDC"), ("created_at", now), ("name", $"Connection {i}"),
            ("settings_sealed", products.Keys.SealAtRest(Sso.Connection.PlaceOf(Connection(i)), settings)), ("domains", "[]"), ("state", "active"), ("updated_at", now))));
        await products.Database.WriteAsync(_ => Decide.To(true, changes), CancellationToken.None);
        cluster.World.Trace.Note("world", "the ground is laid");
    }
}
