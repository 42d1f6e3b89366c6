using Generate;

namespace KlosetOperator.Api.Tests;

public sealed class GeneratedFilesTests
{
    public static TheoryData<string> Paths() => new(GeneratedFiles.All().Select(file => file.Path));

    [Theory]
    [MemberData(nameof(Paths))]
    public void What_is_generated_from_the_types_is_up_to_date(string path)
    {
        var generated = GeneratedFiles.All().Single(file => file.Path == path).Content;
        var there = File.ReadAllText(Path.Combine(RepositoryRoot.Find(AppContext.BaseDirectory), path));
        Assert.True(generated == there, $"{path} differs from the types: run `make gen` and commit the result.");
    }

    [Fact]
    public void No_schema_keeps_fields_that_it_does_not_know()
    {
        Assert.All(GeneratedFiles.All(), file => Assert.DoesNotContain("x-kubernetes-preserve-unknown-fields", file.Content, StringComparison.Ordinal));
    }
}
