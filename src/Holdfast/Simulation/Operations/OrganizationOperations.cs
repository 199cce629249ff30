using System.Text;
using System.Text.Json;
using Holdfast.Http;
using Holdfast.Organizations;
using Holdfast.Simulation.Machines;
using Holdfast.Storage;

namespace Holdfast.Simulation.Operations;

/// <summary>An administrator makes an organization, once, however often the request is sent.</summary>
internal sealed class CreateOrganizationOperation : Operation
{
    public override string Name => "create-organization";

    public override async Task RunAsync(Actor actor)
    {
        var name = $"Organization {actor.Mark}";
        actor.Ledger.Marks[name] = $"{actor.Mark} {Name}";
        var began = actor.Cluster.World.Now;
        var answer = await actor.AskAsync(Name, async (products, key) =>
        {
            var idKey = products.Environments.IdKey(Ground.Environment);
            var operation = products.Idempotency.Begin(Ground.Environment, "api_key_1", "/organizations", key, Encoding.UTF8.GetBytes(name));
            var input = new OrganizationInput(new(true, name), default, default, default, default, default, default);
            var made = await products.Idempotency.WriteAsync(
                operation, (view, o) => CreateOrganization.Decided(view, o, input, [], idKey, products.Clock.GetUtcNow()), CancellationToken.None);
            var id = IdOf(made);
            if (id is not null)
            {
                actor.Ledger.Keep($"{actor.Mark} {Name}", products.Node.Name, (Schema.Organizations, id), (Schema.Events, EventId("organization.created", id)));
            }
            return id;
        });
        Count(actor, answer);
        if (answer.Value is { } id)
        {
            actor.Ledger.Organizations.Add(id);
            actor.Ledger.TryName(id, new Attempt(name, began, actor.Cluster.World.Now, true));
        }
    }

    /// <summary>The id in an answer that may have come from a repeat.</summary>
    public static string? IdOf(ApiAnswer answer) => answer.IsSuccess
        ? JsonDocument.Parse(answer.Bytes!).RootElement.GetProperty("id").GetString()
        : null;

    public static string EventId(string name, string derivedFrom) =>
        Ids.Derived(Ids.Event, Ground.IdKey, name, derivedFrom);
}

/// <summary>An administrator gives an organization another name.</summary>
internal sealed class RenameOrganizationOperation : Operation
{
    public override string Name => "rename-organization";

    public override async Task RunAsync(Actor actor)
    {
        if (actor.Ledger.Organizations.Count == 0)
        {
            return;
        }
        var id = actor.Dice.Pick(actor.Ledger.Organizations);
        var name = $"Renamed {actor.Mark}";
        var began = actor.Cluster.World.Now;
        var (tries, refused) = (0, 0);
        var answer = await actor.AskAsync(Name, async (products, key) =>
        {
            tries++;
            var isDone = await RenameAsync(products, key, id, name);
            refused += isDone == false ? 1 : 0;
            return isDone;
        });
        Count(actor, answer);
        // A last try that is refused says nothing of those before it: kept by a primary that then lost its tail, one of them comes back with it.
        if (tries > refused)
        {
            var isAcknowledged = answer.Value == true;
            actor.Ledger.TryName(id, new Attempt(name, began, isAcknowledged ? actor.Cluster.World.Now : TimeSpan.MaxValue, isAcknowledged));
        }
    }

    private static async Task<bool?> RenameAsync(Products products, string key, string id, string name)
    {
        var idKey = products.Environments.IdKey(Ground.Environment);
        var operation = products.Idempotency.Begin(Ground.Environment, "api_key_1", $"/organizations/{id}", key, Encoding.UTF8.GetBytes(name));
        var input = new OrganizationInput(new(true, name), default, default, default, default, default, default);
        var changed = await products.Idempotency.WriteAsync(
            operation, (view, o) => UpdateOrganization.Decided(view, o, id, input, null, idKey, products.Clock.GetUtcNow()), CancellationToken.None);
        return changed.IsSuccess;
    }
}

/// <summary>An administrator deletes an organization: a deny, taken with the primary gone.</summary>
internal sealed class DeleteOrganizationOperation : Operation
{
    public override string Name => "delete-organization";

    public override async Task RunAsync(Actor actor)
    {
        if (actor.Ledger.Organizations.Count == 0)
        {
            return;
        }
        var id = actor.Dice.Pick(actor.Ledger.Organizations);
        var answer = await actor.AskAsync(Name, async (products, _) =>
        {
            var idKey = products.Environments.IdKey(Ground.Environment);
            string? deny = null;
            var (said, label) = await actor.RecordAsync(products, Name, view =>
            {
                var decision = DeleteOrganization.Decided(view, Ground.Environment, id, idKey, products.Ids, products.Clock.GetUtcNow());
                deny = decision.Changes.FirstOrDefault(c => c.Table == Schema.Denies)?.Id;
                return decision;
            });
            if (said.IsSuccess && deny is not null)
            {
                actor.Ledger.Keep($"{actor.Mark} {Name}", products.Node.Name, label, (Schema.Denies, deny),
                    (Schema.Events, CreateOrganizationOperation.EventId("organization.deleted", id)));
                return deny;
            }
            return null;
        });
        Count(actor, answer);
        if (answer.Value is { } denied)
        {
            actor.Ledger.Denies.Add((denied, id));
        }
    }
}
