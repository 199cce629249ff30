// Holdfast: one program. Every verb that it knows is switched on here.
using System.CommandLine;
using Holdfast.Verbs;

var root = new RootCommand("Holdfast: a self-hosted identity platform that keeps signing people in.")
{
    DevVerb.Create(),
    ServeVerb.Create(),
    DoctorVerb.Create(),
    StatusVerb.Create(),
    BenchVerb.Create(),
};
return await root.Parse(args).InvokeAsync();
