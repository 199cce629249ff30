// Holdfast: one program. Every verb that it knows is switched on here.
using System.CommandLine;
using Holdfast.Verbs;

var root = new RootCommand("Holdfast: a self-hosted identity platform that keeps signing people in.")
{
    DevVerb.Create(),
    ServeVerb.Create(),
    EdgeVerb.Create(),
    DoctorVerb.Create(),
    StatusVerb.Create(),
    OpsVerb.Create(),
    BenchVerb.Create(),
    SimulateVerb.Create(),
};
var parsed = root.Parse(args);
if (args.Length > 0 && parsed.Errors.Count > 0)
{
    // The last says what was not understood; those before it only what is therefore missing.
    await Console.Error.WriteLineAsync($"holdfast: {parsed.Errors[^1].Message} See 'holdfast --help'.");
    return 2;
}
return await parsed.InvokeAsync(Stopping.Patiently);
