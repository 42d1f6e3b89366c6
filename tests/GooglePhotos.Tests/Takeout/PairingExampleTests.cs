using System.Globalization;
using System.Text.Json;
using GooglePhotos.Takeout.Pairing;
using GooglePhotos.Takeout.Sidecars;

namespace GooglePhotos.Tests.Takeout;

/// <summary>Names as people met them in their exports, sentence by sentence of the name model. Media alone, or name|title for a sidecar.</summary>
public sealed class PairingExampleTests
{
    private const string L44 = "Summer at the lake with grandma and all cous"; // 44 units
    private const string L46 = L44 + "in";
    private const string L47 = L46 + "s";

    public static TheoryData<string, string[], string[]> Examples => new()
    {
        // ---- counters
        { "a counter only on the sidecar", ["DSC_0103.JPG", "DSC_0103.JPG(1).json|DSC_0103.JPG"], ["DSC_0103.JPG -> -"] },
        { "another counter of a cut name", [$"{L47}(185).jpg", $"{L46}(494).json|{L47} and uncle.jpg"], [$"{L47}(185).jpg -> -"] },
        { "a counter of a title and one of the folder", ["photo (10)(1).jpg", "photo (10).jpg.supplemental-metadata(1).json|photo (10).jpg"], ["photo (10)(1).jpg -> photo (10).jpg.supplemental-metadata(1).json"] },
        { "the same title with a number twice, both edited",
            ["Negative0-36-35(1).jpg", "Negative0-36-35(1).jpg.supplemental-metadata.json|Negative0-36-35(1).jpg", "Negative0-36-35(1)-editat.jpg",
             "Negative0-36-35(1)(1).jpg", "Negative0-36-35(1).jpg.supplemental-metadata(1).json|Negative0-36-35(1).jpg", "Negative0-36-35(1)-editat(1).jpg"],
            ["Negative0-36-35(1).jpg -> Negative0-36-35(1).jpg.supplemental-metadata.json", "Negative0-36-35(1)-editat.jpg -> Negative0-36-35(1).jpg.supplemental-metadata.json",
             "Negative0-36-35(1)(1).jpg -> Negative0-36-35(1).jpg.supplemental-metadata(1).json", "Negative0-36-35(1)-editat(1).jpg -> Negative0-36-35(1).jpg.supplemental-metadata(1).json"] },
        { "two counters, one name", ["FullSizeRender(1)(1).HEIC", "FullSizeRender(1)(1).HEIC.supplemental-metadata.json|FullSizeRender(1)(1).HEIC", "FullSizeRender(1)(1).MP4"],
            ["FullSizeRender(1)(1).HEIC -> FullSizeRender(1)(1).HEIC.supplemental-metadata.json", "FullSizeRender(1)(1).MP4 -> FullSizeRender(1)(1).HEIC.supplemental-metadata.json"] },
        { "a number in brackets in a long title", ["Urlaub in Knaufspesch in der Schneifel (38).JPG", "Urlaub in Knaufspesch in der Schneifel (38).JP.json|Urlaub in Knaufspesch in der Schneifel (38).JPG"],
            ["Urlaub in Knaufspesch in der Schneifel (38).JPG -> Urlaub in Knaufspesch in der Schneifel (38).JP.json"] },
        { "a counter before a cut suffix", ["0bf4bdc0-0194-43e1-a85b-8823858343c7(1).jpg", "0bf4bdc0-0194-43e1-a85b-8823858343c7.jpg.suppl(1).json|0bf4bdc0-0194-43e1-a85b-8823858343c7.jpg"],
            ["0bf4bdc0-0194-43e1-a85b-8823858343c7(1).jpg -> 0bf4bdc0-0194-43e1-a85b-8823858343c7.jpg.suppl(1).json"] },
        { "three cut titles that differ behind the cut",
            ["abcdefghijklmnopqrstu-vwxyzabcde-fghijklmnopqrs.jpg", "abcdefghijklmnopqrstu-vwxyzabcde-fghijklmnopqrs(1).jpg", "abcdefghijklmnopqrstu-vwxyzabcde-fghijklmnopqrs(2).jpg",
             "abcdefghijklmnopqrstu-vwxyzabcde-fghijklmnopqr.json|abcdefghijklmnopqrstu-vwxyzabcde-fghijklmnopqrst-1.jpg",
             "abcdefghijklmnopqrstu-vwxyzabcde-fghijklmnopqr(1).json|abcdefghijklmnopqrstu-vwxyzabcde-fghijklmnopqrst-2.jpg",
             "abcdefghijklmnopqrstu-vwxyzabcde-fghijklmnopqr(2).json|abcdefghijklmnopqrstu-vwxyzabcde-fghijklmnopqrst-3.jpg"],
            ["abcdefghijklmnopqrstu-vwxyzabcde-fghijklmnopqrs.jpg -> abcdefghijklmnopqrstu-vwxyzabcde-fghijklmnopqr.json",
             "abcdefghijklmnopqrstu-vwxyzabcde-fghijklmnopqrs(1).jpg -> abcdefghijklmnopqrstu-vwxyzabcde-fghijklmnopqr(1).json",
             "abcdefghijklmnopqrstu-vwxyzabcde-fghijklmnopqrs(2).jpg -> abcdefghijklmnopqrstu-vwxyzabcde-fghijklmnopqr(2).json"] },
        { "counter and literal counter collide: the folder's counter first", ["IMG_1976(1).JPG", "IMG_1976.JPG.supplemental-metadata(1).json|IMG_1976.JPG", "IMG_1976(1).JPG.supplemental-metadata.json|IMG_1976(1).JPG"],
            ["IMG_1976(1).JPG -> IMG_1976.JPG.supplemental-metadata(1).json"] },
        { "old and new style with counters side by side", ["a.jpg", "a(1).jpg", "a.jpg.json|a.jpg", "a.jpg.supplemental-metadata(1).json|a.jpg"], ["a.jpg -> a.jpg.json", "a(1).jpg -> a.jpg.supplemental-metadata(1).json"] },
        { "a counter without any media", ["img.jpg", "img.jpg.supplemental-metadata.json|img.jpg", "img.jpg.supplemental-metadata(1).json|img.jpg"], ["img.jpg -> img.jpg.supplemental-metadata.json"] },

        // ---- cuts
        { "cut in the extension", ["COVER_PXL_20230814_201154491.LONG_EXPOSURE-01.j.jpg"], ["COVER_PXL_20230814_201154491.LONG_EXPOSURE-01.j.jpg -> -"] },
        { "cover and original of a long exposure",
            ["PXL_20230814_201154491.LONG_EXPOSURE-01.COVER.jpg", "PXL_20230814_201154491.LONG_EXPOSURE-01.COVER..json|PXL_20230814_201154491.LONG_EXPOSURE-01.COVER.jpg",
             "PXL_20230814_201154491.LONG_EXPOSURE-02.ORIGINA.jpg", "PXL_20230814_201154491.LONG_EXPOSURE-02.ORIGIN.json|PXL_20230814_201154491.LONG_EXPOSURE-02.ORIGINAL.jpg"],
            ["PXL_20230814_201154491.LONG_EXPOSURE-01.COVER.jpg -> PXL_20230814_201154491.LONG_EXPOSURE-01.COVER..json",
             "PXL_20230814_201154491.LONG_EXPOSURE-02.ORIGINA.jpg -> PXL_20230814_201154491.LONG_EXPOSURE-02.ORIGIN.json"] },
        { "a hash sign and a suffix cut", ["Photo on 11-1-15 at 6.24 PM #3.jpg", "Photo on 11-1-15 at 6.24 PM #3.jpg.supplementa.json|Photo on 11-1-15 at 6.24 PM #3.jpg"],
            ["Photo on 11-1-15 at 6.24 PM #3.jpg -> Photo on 11-1-15 at 6.24 PM #3.jpg.supplementa.json"] },
        { "a suffix cut to five letters", ["Bonanno1979BryanAndGrandpa45yrsOld_1.jpg", "Bonanno1979BryanAndGrandpa45yrsOld_1.jpg.suppl.json|Bonanno1979BryanAndGrandpa45yrsOld_1.jpg"],
            ["Bonanno1979BryanAndGrandpa45yrsOld_1.jpg -> Bonanno1979BryanAndGrandpa45yrsOld_1.jpg.suppl.json"] },
        { "a suffix cut too early", ["blank.jpg", "blank.jpg.su.json|blank.jpg", "blank-edited.jpg"], ["blank.jpg -> blank.jpg.su.json", "blank-edited.jpg -> blank.jpg.su.json"] },
        { "a name cut with a counter", ["BonannoJohn1959VacavilleCalifWithEvaAndDelgadoK.jpg", "BonannoJohn1959VacavilleCalifWithEvaAndDelgado.json|BonannoJohn1959VacavilleCalifWithEvaAndDelgadoKids.jpg",
            "BonannoJohn1959VacavilleCalifWithEvaAndDelgadoK(1).jpg", "BonannoJohn1959VacavilleCalifWithEvaAndDelgado(1).json|BonannoJohn1959VacavilleCalifWithEvaAndDelgadoKids.jpg"],
            ["BonannoJohn1959VacavilleCalifWithEvaAndDelgadoK.jpg -> BonannoJohn1959VacavilleCalifWithEvaAndDelgado.json",
             "BonannoJohn1959VacavilleCalifWithEvaAndDelgadoK(1).jpg -> BonannoJohn1959VacavilleCalifWithEvaAndDelgado(1).json"] },
        { "a trailing underscore is not to be dropped where nothing was cut", ["TrailingUnderscore_.jpg", "TrailingUnderscore.jpg.supplemental-metadata.json|TrailingUnderscore.jpg"], ["TrailingUnderscore_.jpg -> -"] },
        { "a dot is all that is left", ["alignment-temple-5D-32-temple-V-reconstructed.png", "alignment-temple-5D-32-temple-V-reconstructed..json|alignment-temple-5D-32-temple-V-reconstructed.png"],
            ["alignment-temple-5D-32-temple-V-reconstructed.png -> alignment-temple-5D-32-temple-V-reconstructed..json"] },
        { "a facebook name", ["15250796_10158125619575157_1421325151866375198_.jpg", "15250796_10158125619575157_1421325151866375198.json|15250796_10158125619575157_1421325151866375198_o.jpg"],
            ["15250796_10158125619575157_1421325151866375198_.jpg -> 15250796_10158125619575157_1421325151866375198.json"] },
        { "the whole name of 51 units and the forgotten duplicate", ["1556189729458-8d2e2d13-bca5-467e-a242-9e4cb238e.jpg", "1556189729458-8d2e2d13-bca5-467e-a242-9e4cb238e(1).jpg",
            "1556189729458-8d2e2d13-bca5-467e-a242-9e4cb238.json|1556189729458-8d2e2d13-bca5-467e-a242-9e4cb238e56a.jpg"],
            ["1556189729458-8d2e2d13-bca5-467e-a242-9e4cb238e.jpg -> 1556189729458-8d2e2d13-bca5-467e-a242-9e4cb238.json",
             "1556189729458-8d2e2d13-bca5-467e-a242-9e4cb238e(1).jpg -> 1556189729458-8d2e2d13-bca5-467e-a242-9e4cb238.json"] },
        { "a name of exactly 47 units, not cut, and its duplicate", [$"{L47}.jpg", $"{L47}(1).jpg", $"{L46}.json|{L47}.jpg"], [$"{L47}.jpg -> {L46}.json", $"{L47}(1).jpg -> {L46}.json"] },
        { "a long jpeg", [$"{L46}.jpeg", $"{L46}.json|{L46}something.jpeg"], [$"{L46}.jpeg -> {L46}.json"] },
        { "a long heic with counter", [$"{L46}(3).HEIC", $"{L46}(3).json|{L46}and more.HEIC"], [$"{L46}(3).HEIC -> {L46}(3).json"] },
        { "a claimed length above 51", ["a-very-long-name-of-a-screenshot-that-nobody-would-type.png", "a-very-long-name-of-a-screenshot-that-nobody-would-type.png.supplemental-metadata.json|a-very-long-name-of-a-screenshot-that-nobody-would-type.png"],
            ["a-very-long-name-of-a-screenshot-that-nobody-would-type.png -> a-very-long-name-of-a-screenshot-that-nobody-would-type.png.supplemental-metadata.json"] },

        // ---- titles
        { "forbidden characters", ["What_s up_.jpg", "What_s up_.jpg.json|What's up?.jpg"], ["What_s up_.jpg -> What_s up_.jpg.json"] },
        { "ampersand and colon", ["Tom _ Jerry_ 1.jpg", "Tom _ Jerry_ 1.jpg.supplemental-metadata.json|Tom & Jerry: 1.jpg"], ["Tom _ Jerry_ 1.jpg -> Tom _ Jerry_ 1.jpg.supplemental-metadata.json"] },
        { "the edited version of a forbidden title", ["Who_.jpg", "Who_.jpg.json|Who?.jpg", "Who_-edited.jpg"], ["Who_.jpg -> Who_.jpg.json", "Who_-edited.jpg -> Who_.jpg.json"] },
        { "dots and no extension in the title", ["St. Moritz.jpg", "St. Moritz.supplemental-metadata.json|St. Moritz"], ["St. Moritz.jpg -> St. Moritz.supplemental-metadata.json"] },
        { "no extension at all", ["noext", "noext.json|noext"], ["noext -> noext.json"] },
        { "a title that says nothing about a short name", ["IMG_1.jpg", "IMG_1.jpg.supplemental-metadata.json|Original HEIC photo"], ["IMG_1.jpg -> IMG_1.jpg.supplemental-metadata.json"] },
        { "no extension in the title and a counter", ["20030616(1).jpg", "20030616(1).json|20030616"], ["20030616(1).jpg -> 20030616(1).json"] },
        { "the number in the middle", ["photo(1).jpg", "photo(1).supplemental-metadata.json|photo(1)"], ["photo(1).jpg -> photo(1).supplemental-metadata.json"] },
        { "a bare sidecar of an extension that the title has", ["photo.jpg", "photo.supplemental-metadata.json|photo.jpg"], ["photo.jpg -> -"] },
        { "NFD file names, NFC titles", ["Cafe\u0301 Mu\u0308nchen.jpg", "Cafe\u0301 Mu\u0308nchen.jpg.json|Caf\u00e9 M\u00fcnchen.jpg"], ["Cafe\u0301 Mu\u0308nchen.jpg -> Cafe\u0301 Mu\u0308nchen.jpg.json"] },
        { "Japanese in NFD", ["か\u3099っこう-編集済み.jpg", "がっこう.jpg.json|がっこう.jpg"], ["か\u3099っこう-編集済み.jpg -> がっこう.jpg.json"] },

        // ---- edited
        { "a Spanish suffix cut at the limit", ["Museo Marino de Matalascañas con Yoli_001-ha ed.JPG", "Museo Marino de Matalascañas con Yoli_001.JPG.json|Museo Marino de Matalascañas con Yoli_001.JPG"], ["Museo Marino de Matalascañas con Yoli_001-ha ed.JPG -> Museo Marino de Matalascañas con Yoli_001.JPG.json"] },
        { "an edited HEIC is a JPG", ["IMG_7(2).HEIC", "IMG_7.HEIC.supplemental-metadata(2).json|IMG_7.HEIC", "IMG_7-edited(2).jpg"], ["IMG_7(2).HEIC -> IMG_7.HEIC.supplemental-metadata(2).json", "IMG_7-edited(2).jpg -> IMG_7.HEIC.supplemental-metadata(2).json"] },
        { "an edited film", ["VID_1.mp4", "VID_1.mp4.supplemental-metadata.json|VID_1.mp4", "VID_1-edited.mp4"], ["VID_1.mp4 -> VID_1.mp4.supplemental-metadata.json", "VID_1-edited.mp4 -> VID_1.mp4.supplemental-metadata.json"] },
        { "two clips with edits", ["IMG_1.HEIC", "IMG_1.HEIC.json|IMG_1.HEIC", "IMG_1.MOV", "IMG_1-edited.HEIC", "IMG_1-edited.MOV"],
            ["IMG_1.HEIC -> IMG_1.HEIC.json", "IMG_1.MOV -> IMG_1.HEIC.json", "IMG_1-edited.HEIC -> IMG_1.HEIC.json", "IMG_1-edited.MOV -> IMG_1.HEIC.json"] },
        { "a long edited name cut to nothing in a jpeg", ["VeryLongFileNameThatGetsHeavilyTruncated.jpg", "VeryLongFileNameThatGetsHeavilyTruncated.jpg.s.json|VeryLongFileNameThatGetsHeavilyTruncated.jpg", "VeryLongFileNameThatGetsHeavilyTruncated-edited.jpg"],
            ["VeryLongFileNameThatGetsHeavilyTruncated.jpg -> VeryLongFileNameThatGetsHeavilyTruncated.jpg.s.json", "VeryLongFileNameThatGetsHeavilyTruncated-edited.jpg -> VeryLongFileNameThatGetsHeavilyTruncated.jpg.s.json"] },
        { "a half suffix on a short name is part of the name", ["photo.JPG", "photo.JPG.json|photo.JPG", "photo-edi.JPG"], ["photo.JPG -> photo.JPG.json", "photo-edi.JPG -> -"] },
        { "an edited one of an edited one", ["a-edited.jpg", "a-edited.jpg.json|a-edited.jpg", "a-edited-edited.jpg"], ["a-edited.jpg -> a-edited.jpg.json", "a-edited-edited.jpg -> a-edited.jpg.json"] },
        { "animation with its own sidecar beside the still", ["IMG_1-ANIMATION.gif", "IMG_1-ANIMATION.gif.json|IMG_1-ANIMATION.gif", "IMG_1.jpg", "IMG_1.jpg.json|IMG_1.jpg"], ["IMG_1-ANIMATION.gif -> IMG_1-ANIMATION.gif.json", "IMG_1.jpg -> IMG_1.jpg.json"] },
        { "animation without one", ["IMG_1-ANIMATION.gif", "IMG_1.jpg", "IMG_1.jpg.json|IMG_1.jpg"], ["IMG_1-ANIMATION.gif -> IMG_1.jpg.json", "IMG_1.jpg -> IMG_1.jpg.json"] },
        { "the edited version of a cut name without any original", [$"{L44}-ed.jpg", $"{L44}.j.json|{L44}.jpg"], [$"{L44}-ed.jpg -> {L44}.j.json"] },
        { "an edited one whose counter has no sidecar", ["a.jpg", "a.jpg.json|a.jpg", "a-edited.jpg", "a-edited(1).jpg"], ["a.jpg -> a.jpg.json", "a-edited.jpg -> a.jpg.json", "a-edited(1).jpg -> -"] },

        // ---- live and motion
        { "a live photo in an album and its duplicate", ["IMG_4488(1).HEIC", "IMG_4488.HEIC.supplemental-metadata(1).json|IMG_4488.HEIC", "IMG_4488(1).MP4", "IMG_4488.HEIC", "IMG_4488.HEIC.supplemental-metadata.json|IMG_4488.HEIC", "IMG_4488.MP4"],
            ["IMG_4488(1).HEIC -> IMG_4488.HEIC.supplemental-metadata(1).json", "IMG_4488(1).MP4 -> IMG_4488.HEIC.supplemental-metadata(1).json", "IMG_4488.HEIC -> IMG_4488.HEIC.supplemental-metadata.json", "IMG_4488.MP4 -> IMG_4488.HEIC.supplemental-metadata.json"] },
        { "a samsung motion photo", ["20231227_152817.jpg", "20231227_152817.jpg.json|20231227_152817.jpg", "20231227_152817.MP4"], ["20231227_152817.jpg -> 20231227_152817.jpg.json", "20231227_152817.MP4 -> 20231227_152817.jpg.json"] },
        { "a pixel photo whose title lost its prefix", ["PXL_20231118_035751175.MP.jpg", "PXL_20231118_035751175.MP.jpg.json|20231118_035751175.MP.jpg", "PXL_20231118_035751175.MP"],
            ["PXL_20231118_035751175.MP.jpg -> PXL_20231118_035751175.MP.jpg.json", "PXL_20231118_035751175.MP -> PXL_20231118_035751175.MP.jpg.json"] },
        { "an older motion photo with its film", ["MVIMG_2.jpg", "MVIMG_2.jpg.supplemental-metadata.json|MVIMG_2.jpg", "MVIMG_2.MP4"], ["MVIMG_2.jpg -> MVIMG_2.jpg.supplemental-metadata.json", "MVIMG_2.MP4 -> MVIMG_2.jpg.supplemental-metadata.json"] },
        { "the clip alone, the still is gone", ["IMG_2367.MP4", "IMG_2367.HEIC.supplemental-metadata.json|IMG_2367.HEIC"], ["IMG_2367.MP4 -> IMG_2367.HEIC.supplemental-metadata.json"] },
        { "a film beside a picture of another case", ["img_5.mov", "IMG_5.HEIC", "IMG_5.HEIC.json|IMG_5.HEIC"], ["img_5.mov -> -", "IMG_5.HEIC -> IMG_5.HEIC.json"] },
        { "a counter of a clip whose picture has none", ["IMG_6.HEIC", "IMG_6.HEIC.json|IMG_6.HEIC", "IMG_6(1).MP4"], ["IMG_6.HEIC -> IMG_6.HEIC.json", "IMG_6(1).MP4 -> -"] },
        { "an avi is nobody's clip", ["IMG_8.jpg", "IMG_8.jpg.json|IMG_8.jpg", "IMG_8.avi"], ["IMG_8.jpg -> IMG_8.jpg.json", "IMG_8.avi -> -"] },
        { "RAW and JPEG with their own sidecars", ["DSC_1.NEF", "DSC_1.NEF.json|DSC_1.NEF", "DSC_1.JPG", "DSC_1.JPG.json|DSC_1.JPG"], ["DSC_1.NEF -> DSC_1.NEF.json", "DSC_1.JPG -> DSC_1.JPG.json"] },
        { "a RAW beside a described JPEG", ["DSC_2.DNG", "DSC_2.JPG", "DSC_2.JPG.json|DSC_2.JPG"], ["DSC_2.DNG -> -", "DSC_2.JPG -> DSC_2.JPG.json"] },
        { "a raw burst of a Pixel", ["PXL_20231207_032111247.RAW-01.COVER.jpg", "PXL_20231207_032111247.RAW-01.COVER.jpg.supple.json|PXL_20231207_032111247.RAW-01.COVER.jpg",
            "PXL_20231207_032111247.RAW-02.ORIGINAL.dng", "PXL_20231207_032111247.RAW-02.ORIGINAL.dng.sup.json|PXL_20231207_032111247.RAW-02.ORIGINAL.dng"],
            ["PXL_20231207_032111247.RAW-01.COVER.jpg -> PXL_20231207_032111247.RAW-01.COVER.jpg.supple.json", "PXL_20231207_032111247.RAW-02.ORIGINAL.dng -> PXL_20231207_032111247.RAW-02.ORIGINAL.dng.sup.json"] },
        { "a burst", ["00100lPORTRAIT_00100_BURST20200101101010123_COVER.jpg", "00100lPORTRAIT_00100_BURST20200101101010123_COVE.json|00100lPORTRAIT_00100_BURST20200101101010123_COVER.jpg"],
            ["00100lPORTRAIT_00100_BURST20200101101010123_COVER.jpg -> -"] },
        { "a clip of a long name", [$"{L46}.HEIC", $"{L46}.json|{L46}x and y.HEIC", $"{L47}.MP4"], [$"{L46}.HEIC -> {L46}.json", $"{L47}.MP4 -> -"] },
        { "JPEG that is called PNG once more", ["a.png", "a.jpg", "a.png.json|a.png", "a.jpg.json|a.jpg"], ["a.png -> a.png.json", "a.jpg -> a.jpg.json"] },
        { "other case of the extension", ["IMG_9.jpg", "IMG_9.JPG.supplemental-metadata.json|IMG_9.JPG"], ["IMG_9.jpg -> IMG_9.JPG.supplemental-metadata.json"] },
        { "both cases, each with its own", ["IMG_9.jpg", "IMG_9.JPG", "IMG_9.JPG.supplemental-metadata.json|IMG_9.JPG", "IMG_9.jpg.supplemental-metadata.json|IMG_9.jpg"], ["IMG_9.jpg -> IMG_9.jpg.supplemental-metadata.json", "IMG_9.JPG -> IMG_9.JPG.supplemental-metadata.json"] },
        { "both cases and one sidecar", ["IMG_9.jpg", "IMG_9.JPG", "IMG_9.JPG.supplemental-metadata.json|IMG_9.JPG"], ["IMG_9.jpg -> -", "IMG_9.JPG -> IMG_9.JPG.supplemental-metadata.json"] },
    };

    [Theory]
    [MemberData(nameof(Examples))]
    public void Names_from_real_exports_find_their_sidecars(string why, string[] files, string[] expected) => Check(why, files, expected);

    public static TheoryData<string, string[], string[]> Interplay => new()
    {
        // ---- one rule meets another: counters, cuts, edited versions, clips
        { "an edited HEIC may be of the JPG beside it, in other case", ["IMG_1.HEIC", "IMG_1.HEIC.json|IMG_1.HEIC", "IMG_1.JPG", "IMG_1.JPG.json|IMG_1.JPG", "IMG_1-edited.jpg"],
            ["IMG_1.HEIC -> IMG_1.HEIC.json", "IMG_1.JPG -> IMG_1.JPG.json", "IMG_1-edited.jpg -> -"] },
        { "the same extension first", ["DSC_1.DNG", "DSC_1.DNG.json|DSC_1.DNG", "DSC_1.JPG", "DSC_1.JPG.json|DSC_1.JPG", "DSC_1-bearbeitet.JPG"],
            ["DSC_1.DNG -> DSC_1.DNG.json", "DSC_1.JPG -> DSC_1.JPG.json", "DSC_1-bearbeitet.JPG -> DSC_1.JPG.json"] },
        { "a clip between a counter and the same number in a title",
            ["x(2).jpg", "x.jpg(2).json|x.jpg", "x(2).HEIC", "x(2).HEIC.json|x(2).HEIC", "x(2).MP4"],
            ["x(2).jpg -> x.jpg(2).json", "x(2).HEIC -> x(2).HEIC.json", "x(2).MP4 -> -"] },
        { "a motion photo beside another picture of the shorter name", ["PXL_1.MP.jpg", "PXL_1.MP.jpg.json|PXL_1.MP.jpg", "PXL_1.jpg", "PXL_1.jpg.json|PXL_1.jpg", "PXL_1.MP"],
            ["PXL_1.MP.jpg -> PXL_1.MP.jpg.json", "PXL_1.jpg -> PXL_1.jpg.json", "PXL_1.MP -> PXL_1.MP.jpg.json"] },
        { "a second take of a motion photo", ["PXL_1.MP~2.jpg", "PXL_1.MP~2.jpg.supplemental-metadata.json|PXL_1.MP~2.jpg", "PXL_1.MP~2", "PXL_1.MP.jpg", "PXL_1.MP.jpg.supplemental-metadata.json|PXL_1.MP.jpg", "PXL_1.MP"],
            ["PXL_1.MP~2.jpg -> PXL_1.MP~2.jpg.supplemental-metadata.json", "PXL_1.MP~2 -> PXL_1.MP~2.jpg.supplemental-metadata.json",
             "PXL_1.MP.jpg -> PXL_1.MP.jpg.supplemental-metadata.json", "PXL_1.MP -> PXL_1.MP.jpg.supplemental-metadata.json"] },
        { "a motion photo, edited, with a counter", ["PXL_1.MP(1).jpg", "PXL_1.MP.jpg.supplemental-metadata(1).json|PXL_1.MP.jpg", "PXL_1(1).MP", "PXL_1.MP-edited(1).jpg"],
            ["PXL_1.MP(1).jpg -> PXL_1.MP.jpg.supplemental-metadata(1).json", "PXL_1(1).MP -> PXL_1.MP.jpg.supplemental-metadata(1).json", "PXL_1.MP-edited(1).jpg -> PXL_1.MP.jpg.supplemental-metadata(1).json"] },
        { "a live photo and its edited version in Japanese, unpacked on a Mac", ["か\u3099.HEIC", "が.HEIC.supplemental-metadata.json|が.HEIC", "か\u3099.MP4", "か\u3099-編集済み.jpg"],
            ["か\u3099.HEIC -> が.HEIC.supplemental-metadata.json", "か\u3099.MP4 -> が.HEIC.supplemental-metadata.json", "か\u3099-編集済み.jpg -> が.HEIC.supplemental-metadata.json"] },
        { "an edited version whose suffix is cut keeps its counter", [$"{L44}(1).jpg", $"{L44}.j(1).json|{L44}.jpg", $"{L44}-ed(1).jpg", $"{L44}.jpg", $"{L44}.j.json|{L44}.jpg", $"{L44}-ed.jpg"],
            [$"{L44}(1).jpg -> {L44}.j(1).json", $"{L44}-ed(1).jpg -> {L44}.j(1).json", $"{L44}.jpg -> {L44}.j.json", $"{L44}-ed.jpg -> {L44}.j.json"] },
        { "a name cut at 46 and one at 47 units", [$"{L46}.jpg", $"{L46}.json|{L46}.jpg", $"{L46}-.jpg"], [$"{L46}.jpg -> {L46}.json", $"{L46}-.jpg -> {L46}.json"] },
        { "a long HEIC, edited: its jpg has one unit more", [$"{L46}.HEIC", $"{L46}.json|{L47} all.HEIC", $"{L47}.jpg"], [$"{L46}.HEIC -> {L46}.json", $"{L47}.jpg -> {L46}.json"] },
        { "the edited version of a long HEIC beside a long jpg of the same beginning",
            [$"{L46}(1).HEIC", $"{L46}(1).json|{L47} two.HEIC", $"{L47}.jpg", $"{L46}.json|{L47} one.jpg", $"{L47}(1).jpg"],
            [$"{L46}(1).HEIC -> {L46}(1).json", $"{L47}.jpg -> {L46}.json", $"{L47}(1).jpg -> -"] },
        { "two edited versions of two long titles with one beginning",
            [$"{L47}.jpg", $"{L46}.json|{L47} one.jpg", $"{L47}(1).jpg", $"{L47}(2).jpg", $"{L46}(2).json|{L47} two.jpg", $"{L47}(3).jpg"],
            [$"{L47}.jpg -> {L46}.json", $"{L47}(2).jpg -> {L46}(2).json", $"{L47}(1).jpg -> -", $"{L47}(3).jpg -> -"] },
        { "cut sidecars collide, media do not, and one is edited", [$"{L46}a.jpg", $"{L46}.json|{L46}apple.jpg", $"{L46}b.jpg", $"{L46}(1).json|{L46}berry.jpg", $"{L46}b(1).jpg"],
            [$"{L46}a.jpg -> {L46}.json", $"{L46}b.jpg -> -", $"{L46}b(1).jpg -> -"] },
        { "cut sidecars collide, and counters of one name count apart",
            [$"{L46}a.jpg", $"{L46}.json|{L46}apple.jpg", $"{L46}b.jpg", $"{L46}(1).json|{L46}berry.jpg", $"{L46}a(1).jpg", $"{L46}(2).json|{L46}apricot.jpg"],
            [$"{L46}a.jpg -> {L46}.json", $"{L46}b.jpg -> {L46}(1).json", $"{L46}a(1).jpg -> {L46}(2).json"] },
        { "cut sidecars collide, and all names of an item have one counter",
            [$"{L46}a.jpg", $"{L46}.json|{L46}apple.jpg", $"{L46}b(1).jpg", $"{L46}(1).json|{L46}berry.jpg", $"{L46}a(2).jpg", $"{L46}(2).json|{L46}apricot.jpg"],
            [$"{L46}a.jpg -> {L46}.json", $"{L46}b(1).jpg -> {L46}(1).json", $"{L46}a(2).jpg -> {L46}(2).json"] },
        { "a clip's own cut sidecar among colliding ones", [$"{L46[..45]}z.HEIC", $"{L46[..45]}z.json|{L46[..45]}zoo.HEIC", $"{L46[..45]}zo.mp4", $"{L46[..45]}z(1).json|{L46[..45]}zoo.mp4"],
            [$"{L46[..45]}z.HEIC -> {L46[..45]}z.json", $"{L46[..45]}zo.mp4 -> {L46[..45]}z(1).json"] },
        { "an underscore of one name is a letter nowhere", [$"{L46}_.jpg", $"{L46}.json|{L46}?.jpg", $"{L46} .jpg", $"{L46}(1).json|{L46} 1.jpg"],
            [$"{L46}_.jpg -> {L46}.json", $"{L46} .jpg -> {L46}(1).json"] },
        { "a surrogate pair at the cut of the medium and none at that of the sidecar", [$"{L46}😀.jpg", $"{L46}.json|{L46}😀 and more.jpg"], [$"{L46}😀.jpg -> {L46}.json"] },
        { "a surrogate pair at the cut of the sidecar", [$"{L44}a😀.jpg", $"{L44}a😀.json|{L44}a😀 and more.jpg"], [$"{L44}a😀.jpg -> {L44}a😀.json"] },
        { "an ampersand in a live photo's title, edited in French", ["Tom _ Ana.HEIC", "Tom _ Ana.HEIC.supplemental-metadata.json|Tom & Ana.HEIC", "Tom _ Ana.MOV", "Tom _ Ana-modifié.jpg"],
            ["Tom _ Ana.HEIC -> Tom _ Ana.HEIC.supplemental-metadata.json", "Tom _ Ana.MOV -> Tom _ Ana.HEIC.supplemental-metadata.json", "Tom _ Ana-modifié.jpg -> Tom _ Ana.HEIC.supplemental-metadata.json"] },
        { "a number in the title, a counter, and an edited version in Polish", ["a(2)(1).jpg", "a(2).jpg.supplemental-metadata(1).json|a(2).jpg", "a(2)-edytowane(1).jpg", "a(2).jpg", "a(2).jpg.supplemental-metadata.json|a(2).jpg"],
            ["a(2)(1).jpg -> a(2).jpg.supplemental-metadata(1).json", "a(2)-edytowane(1).jpg -> a(2).jpg.supplemental-metadata(1).json", "a(2).jpg -> a(2).jpg.supplemental-metadata.json"] },
        { "an edited version whose original was deleted, with a sidecar of its own", ["b-edited.jpg", "b-edited.jpg.json|b-edited.jpg", "b.jpg.json|b.jpg"], ["b-edited.jpg -> b-edited.jpg.json"] },
        { "one sidecar, two originals", ["c.jpg", "c.JPG", "c.Jpg.json|c.Jpg"], ["c.jpg -> -", "c.JPG -> -"] },
        { "an animation of a cut name", [$"{L44}-AN.gif", $"{L44}.j.json|{L44}.jpg"], [$"{L44}-AN.gif -> {L44}.j.json"] },
        { "the bytes of a gif named jpg", ["d.gif.jpg", "d.gif.json|d.gif", "d.gif.jpg.json|d.gif"], ["d.gif.jpg -> d.gif.jpg.json"] },
        { "old and new style of one cut length", [$"{L44}.jpg", $"{L44}.j.json|{L44}.jpg", $"{L44}-edited.jpg", $"{L44}.jpg.supplemental-metadata.json|{L44}.jpg"],
            [$"{L44}.jpg -> {L44}.jpg.supplemental-metadata.json", $"{L44}-edited.jpg -> {L44}.jpg.supplemental-metadata.json"] },
    };

    [Theory]
    [MemberData(nameof(Interplay))]
    public void Where_rules_meet_the_facts_decide_or_nothing_does(string why, string[] files, string[] expected) => Check(why, files, expected);

    [Fact]
    public void Every_edited_suffix_leads_to_its_original()
    {
        foreach (string suffix in EditedSuffixes.Edited.Concat(EditedSuffixes.Creations))
        {
            foreach (string spelled in (string[])[suffix, suffix.ToUpperInvariant(), suffix.Normalize(System.Text.NormalizationForm.FormD)])
            {
                Check(suffix, ["x.jpg", "x.jpg.json|x.jpg", $"x{spelled}.jpg", "x(1).jpg", "x.jpg(1).json|x.jpg", $"x{spelled}(1).jpg"],
                    ["x.jpg -> x.jpg.json", $"x{spelled}.jpg -> x.jpg.json", "x(1).jpg -> x.jpg(1).json", $"x{spelled}(1).jpg -> x.jpg(1).json"]);
            }
        }
    }

    [Theory]
    [InlineData(".jpg")]
    [InlineData(".jpeg")]
    [InlineData(".HEIC")]
    [InlineData(".MP4")]
    public void Titles_of_every_length_find_what_Takeout_makes_of_them(string extension)
    {
        for (int length = 1; length < 80; length++)
        {
            foreach (string text in (string[])[new('a', length), string.Concat(Enumerable.Repeat("😀", (length + 1) / 2)), "b" + string.Concat(Enumerable.Repeat("🌋", length / 2)), new('é', length)])
            {
                foreach (bool old in (bool[])[false, true])
                {
                    foreach (string counter in (string[])["", "(1)", "(12)"])
                    {
                        string title = text + extension;
                        string plain = TakeoutNames.MediaName(title);
                        string media = plain[..^extension.Length] + counter + extension;
                        string sidecar = TakeoutNames.SidecarName(title, counter, old);
                        Check($"{length} {old} {counter}", [media, $"{sidecar}|{title}"], [$"{media} -> {sidecar}"]);
                    }
                }
            }
        }
    }

    [Fact]
    public void The_suffix_cut_at_any_length_is_read_when_the_title_confirms()
    {
        for (int cut = 1; cut <= TakeoutNames.SidecarSuffix.Length; cut++)
        {
            string sidecar = "IMG_0001.jpg" + TakeoutNames.SidecarSuffix[..cut] + ".json";
            Check(sidecar, ["IMG_0001.jpg", $"{sidecar}|IMG_0001.jpg"], [$"IMG_0001.jpg -> {sidecar}"]);
        }
    }

    [Fact]
    public void An_edited_version_cut_at_any_length_finds_its_original_or_nothing()
    {
        foreach (string suffix in EditedSuffixes.Edited)
        {
            for (int length = 30; length < 60; length++)
            {
                string title = new string('k', length) + ".jpg";
                string original = TakeoutNames.MediaName(title);
                string edited = TakeoutNames.EditedName(title, suffix);
                if (edited == original)
                {
                    edited = original[..^4] + "(1).jpg";
                }

                string sidecar = TakeoutNames.SidecarName(title, "", oldStyle: false);
                Check($"{suffix} {length}", [original, edited, $"{sidecar}|{title}"], [$"{original} -> {sidecar}", $"{edited} -> {sidecar}"]);
            }
        }
    }

    private static void Check(string why, string[] files, string[] expected)
    {
        Random random = new(17);
        string[] order = [.. files];
        for (int round = 0; round < 6; round++)
        {
            PairingResult result = TakeoutPairing.Pair([.. order.Select(f => new PairingFile
            {
                Folder = "Takeout/Google Photos/Photos from 2020",
                Name = f.Split('|')[0],
                Json = f.Contains('|', StringComparison.Ordinal)
                    ? TakeoutJsonParser.Parse(JsonSerializer.SerializeToUtf8Bytes(new { title = f.Split('|')[1], photoTakenTime = new { timestamp = "1577872800" } }))
                    : null,
            })]);
            string[] pairs = [.. result.Files.Select((f, i) => (f.Name, Verdict: result.Verdicts[i])).Where(x => x.Verdict.Kind == FileKind.Media)
                .Select(x => $"{x.Name} -> {(x.Verdict.Sidecar < 0 ? "-" : result.Files[x.Verdict.Sidecar].Name)}").Order(StringComparer.Ordinal)];
            Assert.True(expected.Order(StringComparer.Ordinal).SequenceEqual(pairs), string.Create(CultureInfo.InvariantCulture, $"{why}:\n  {string.Join("\n  ", pairs)}"));
            random.Shuffle(order);
        }
    }
}
