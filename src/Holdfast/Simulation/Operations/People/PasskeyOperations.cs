using System.Security.Cryptography;
using System.Text;
using Holdfast.AuthKit;
using Holdfast.Simulation.Machines;
using Holdfast.Users;

namespace Holdfast.Simulation.Operations.People;

/// <summary>Somebody who is signed in registers a device.</summary>
internal sealed class RegisterPasskeyOperation : PersonOperation
{
    public override string Name => "register-passkey";

    public override async Task RunAsync(Actor actor)
    {
        if (Recent(actor, actor.Ledger.People.Sessions.FindAll(s => s.Whose != actor.Ledger.People.Attacker), 10) is not { } session)
        {
            return;
        }
        var credentialId = SHA256.HashData(Encoding.UTF8.GetBytes($"device of {actor.Mark}"));
        var details = new Factor.PasskeyDetails(Keys.Base64.Encode(credentialId), "key", [], IsBackupEligible: false, IsBackedUp: false);
        var answer = await actor.AskAsync(Name, (products, key) => Desk.RecordAsync(actor, products, Name, key, (view, act) =>
            Passkey.Register(view, act, session.Token.UserId, credentialId, details, 0, session.Token.CredentialId)));
        Tell(actor, answer);
        if (answer.Value?.Answer is { } factorId)
        {
            actor.Ledger.People.Devices.Add(new Device(session.Whose, credentialId, factorId));
        }
    }
}

/// <summary>A device signs in: mostly the one that counts on; sometimes a copy of it, which counts what was counted before.</summary>
internal sealed class PasskeySignInOperation : PersonOperation
{
    public const string CopyIsNoticed = "copied-passkey-is-noticed";

    public override string Name => "passkey-sign-in";

    public override async Task RunAsync(Actor actor)
    {
        if (Recent(actor, actor.Ledger.People.Devices, 6) is not { } device)
        {
            return;
        }
        var count = actor.Dice.Chance(0.7) ? ++device.Count : Math.Max(device.Count, 1);
        Take(actor, device.Whose, await actor.AskAsync(Name, (products, key) => SignInAsync(actor, products, key, device, count)));
    }

    private async Task<Ruling<RefreshToken>> SignInAsync(Actor actor, Products products, string key, Device device, long count)
    {
        var (node, people) = (products.Node, actor.Ledger.People);
        var told = device.Taken.FindAll(t => t.Node == node && t.DisksLost == node.DisksLost).Select(t => t.Count).DefaultIfEmpty(0).Max();
        var isNew = false;
        var ruling = await Desk.StartAsync(actor, products, Name, key, new SignInTry(device.Whose, SignInMethod.Passkey, null), (view, act) =>
        {
            isNew = true;
            return Passkey.SignIn(view, act, device.CredentialId, count);
        });
        if (ruling.Refused is null && isNew)
        {
            if (told >= count)
            {
                people.Faults.Add((CopyIsNoticed, $"{node.Name} had taken signature {told} of {device.FactorId}, and takes {count}"));
            }
            device.Taken.Add((node, node.DisksLost, count));
        }
        return ruling;
    }
}
