using YamlDotNet.Serialization;

namespace Generate;

/// <summary>YAML in one form for all generated files: keys in the order given, quotes only where a reader needs them.</summary>
internal static class Yaml
{
    public const string Header = "# Generated from the types by `make gen`. Do not edit.\n";

    private static readonly ISerializer Serializer = new SerializerBuilder()
        .WithQuotingNecessaryStrings(quoteYaml1_1Strings: true)
        .WithIndentedSequences()
        .DisableAliases()
        .WithNewLine("\n")
        .Build();

    public static string Write(object document) => Serializer.Serialize(document);
}
